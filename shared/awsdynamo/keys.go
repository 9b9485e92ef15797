package awsdynamo

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/job"
	"hermod/shared/uid"
	"hermod/shared/webhook"
)

// Shards. They are part of the keys of what is stored: to change one needs a new format.
const (
	eventShards    = 4 // of a project's events of a day
	deliveryShards = 4 // of a webhook's deliveries of a day
	dueShards      = 8 // of the index due
	listShards     = 4 // of the index list, for each project and state
)

// Names of lists, in the place of a state.
const (
	keptEvents = "kept" // events that are kept for longer than others of their day
	listedJobs = "job"  // jobs
)

// lastPosition is the last time that the index due can tell, in the year 2286.
const lastPosition = 1e13 - 1

// self is the sort key of an entity that has a partition of its own.
const self = "#"

// key names an item.
type key struct{ pk, sk string }

func (k key) item() item { return item{"pk": text(k.pk), "sk": text(k.sk)} }

func projectKey(project string) key         { return key{"P#" + project, self} }
func keyListingKey(project, uid string) key { return key{"P#" + project, "K#" + uid} }
func dataKeyKey(project string) key         { return key{"P#" + project, "DK#0"} }
func workflowKey(project, uid string) key   { return key{"P#" + project, "F#" + uid} }
func redriveKey(project, uid string) key    { return key{"P#" + project, "R#" + uid} }
func hookListingKey(project, uid string) key {
	return key{"P#" + project, "H#" + uid}
}
func projectMatchKey(project, webhook string) key { return key{"P#" + project, "M#" + webhook} }
func webhookKey(uid string) key                   { return key{"W#" + uid, self} }
func jobMatchKey(job, webhook string) key         { return key{"J#" + job, "M#" + webhook} }
func jobHooksKey(job string) key                  { return key{"J#" + job, "M"} }
func jobKey(uid string) key                       { return key{"J#" + uid, self} }
func configurationKey(job string) key             { return key{"J#" + job, "CFG"} }
func chunkKey(job string, number int) key {
	return key{"J#" + job + "#I", fmt.Sprintf("C#%06d", number)}
}
func redrivePageKey(task string, page int) key { return key{"R#" + task, fmt.Sprintf("%06d", page)} }
func apiKeyKey(hash string) key                { return key{"K#" + hash, self} }
func cursorKey() key                           { return key{"SYS", "SWEEP"} }

// pageKey is that of a page of a job's inputs, in the partition of its kind.
func pageKey(uid string, kind job.PageKind, name string) key {
	if kind == job.ResultPage {
		return key{"J#" + uid + "#R", name}
	}
	return key{"J#" + uid + "#D", name}
}

// flowEntryKey is a job's entry in the list of its workflow, which has a partition for each month of the jobs' uids.
func flowEntryKey(workflow, job string) key {
	return key{flowPartition(workflow, uid.Time(job)), job}
}

func flowPartition(workflow string, month time.Time) string {
	return "F#" + workflow + "#" + month.UTC().Format(monthFormat)
}

// leaseKey is that of the sum of an API key's window.
func leaseKey(apiKey string, window time.Time) key {
	return key{"L#" + apiKey, window.UTC().Format(minuteFormat)}
}

// counterKey is that of an hour's counters, of a webhook or of the whole project: the hour that a time lies in.
func counterKey(project, hook string, hour time.Time) key {
	sk := "S#" + hour.UTC().Format(hourFormat)
	if hook == webhook.Whole {
		return key{"P#" + project, sk}
	}
	return key{"W#" + hook, sk}
}

func healthKey(webhook string) key { return key{"W#" + webhook, "RT"} }

// replyKey hashes the name: it holds what a client chose, of any length.
func replyKey(name string) key {
	sum := sha256.Sum256([]byte(name))
	return key{"I#" + hex.EncodeToString(sum[:]), self}
}

// eventKey finds the day and the shard in the event's uid.
func eventKey(project, event string) key {
	return key{eventPartition(project, dayOf(event), shardOf(event, eventShards)), event}
}

func eventPartition(project, day string, shard int) string {
	return "P#" + project + "#E#" + day + "#" + strconv.Itoa(shard)
}

func deliveryKey(u delivery.UID) key {
	return key{"W#" + u.Webhook + "#" + dayOf(u.Event) + "#" + strconv.Itoa(shardOf(u.Event, deliveryShards)), u.Event}
}

// answersKey is what the keys of all answers of a delivery begin with.
func answersKey(u delivery.UID) key {
	k := deliveryKey(u)
	return key{k.pk + "#A", k.sk + "#"}
}

func answerKey(u delivery.UID, number int) key {
	k := answersKey(u)
	return key{k.pk, k.sk + strconv.Itoa(number)}
}

// dueIndexKey is a waiting row's place in the index due: its time, then its uid, so that a position in the index is one text.
func dueIndexKey(u delivery.UID, at time.Time) (pk, sk string) {
	return duePartition(shardOf(u.Event, dueShards)), duePosition(at) + "#" + u.String()
}

// parseDue reads the sort key of the index due.
func parseDue(sk string) (at time.Time, u delivery.UID, ok bool) {
	position, name, _ := strings.Cut(sk, "#")
	ms, err := strconv.ParseInt(position, 10, 64)
	u, ok = parseUID(name)
	return time.UnixMilli(ms).UTC(), u, ok && err == nil
}

// parseUID reads the text of a delivery's uid, of which it knows that it is one.
func parseUID(s string) (u delivery.UID, ok bool) {
	u.Event, u.Webhook, ok = strings.Cut(s, "_")
	return u, ok
}

func duePartition(shard int) string { return "D#" + strconv.Itoa(shard) }

// duePosition is a time as the index due sorts it: milliseconds, in 13 digits.
func duePosition(at time.Time) string {
	return fmt.Sprintf("%013d", min(max(0, at.UnixMilli()), lastPosition))
}

// listKey is a row's place in the list of its state.
func listKey(d delivery.Delivery) (pk, sk string) {
	return listPartition(d.Project, string(d.State), shardOf(d.UID.Event, listShards)), d.UID.String()
}

// keptKey is an event's place in the list of those that are kept for longer than others of their day.
func keptKey(project, event string) (pk, sk string) {
	return listPartition(project, keptEvents, shardOf(event, listShards)), event
}

// listedJobKey is a job's place in the list of the project's jobs.
func listedJobKey(project, job string) (pk, sk string) {
	return listPartition(project, listedJobs, shardOf(job, listShards)), job
}

// pausedPartition, of the index due, has the project's jobs that are paused, which wait for somebody and not for a time.
func pausedPartition(project string) string { return "Z#" + project }

func listPartition(project, kind string, shard int) string {
	return "P#" + project + "#" + kind + "#" + strconv.Itoa(shard)
}

// Times as keys have them.
const (
	monthFormat  = "200601"
	dayFormat    = "20060102"
	hourFormat   = "2006010215"
	minuteFormat = "200601021504"
)

// dayOf is the day of a uid's time.
func dayOf(u string) string {
	return uid.Time(u).UTC().Format(dayFormat)
}

// shardOf spreads uids by their last digits, which are random or a hash.
func shardOf(u string, shards int) int {
	n, err := strconv.ParseUint(u[max(0, len(u)-4):], 16, 16)
	if err != nil {
		return 0
	}
	return int(n) % shards
}
