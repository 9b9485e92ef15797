package awsdynamo

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"hermod/shared/webhook"
)

// Counters keeps the counters of webhooks and projects, and the health of webhooks. It is a webhook.Counters.
type Counters struct{ db *DB }

// Counters returns the side of the table that keeps counters and health.
func (db *DB) Counters() *Counters { return &Counters{db} }

// Add adds to the counters of an hour, by one write. When its outcome is unknown it is repeated, and may count twice.
func (s *Counters) Add(ctx context.Context, project, hook string, hour time.Time, more webhook.Stats) error {
	end := item{}
	end.setExpiry(hour.Truncate(time.Hour).Add(webhook.StatsRetention))
	values := item{":f": number(format), ":pid": text(project), ":ttl": end["ttl"]}
	var adds []string
	counters := countersOf(&more)
	for _, name := range slices.Sorted(maps.Keys(counters)) {
		if n := *counters[name]; n != 0 {
			values[":"+name] = number(int64(n))
			adds = append(adds, name+" :"+name)
		}
	}
	if adds == nil {
		return nil
	}
	change := "SET f = :f, pid = :pid, #ttl = :ttl ADD " + strings.Join(adds, ", ")
	if err := s.db.read(ctx, func() error { return s.db.update(ctx, counterKey(project, hook, hour), change, "", values) }); err != nil {
		return fmt.Errorf("add to counters of %s: %w", counted(project, hook), err)
	}
	return nil
}

// Hours lists the hours of a time that something was counted in. Counters are approximate, so the read is one that costs half.
func (s *Counters) Hours(ctx context.Context, project, hook string, since, until time.Time) (list []webhook.Hour, err error) {
	if !since.Before(until) {
		return nil, nil
	}
	first, last := counterKey(project, hook, since), counterKey(project, hook, until.Add(-1))
	hours, err := queryAll(ctx, s.db, dynamodb.QueryInput{
		KeyConditionExpression:    aws.String(keysBetween),
		ExpressionAttributeValues: item{":pk": text(first.pk), ":low": text(first.sk), ":high": text(last.sk)},
	}, func(i item) (webhook.Hour, error) {
		if i.text("pid") != project {
			return webhook.Hour{}, nil
		}
		return decodeHour(i)
	})
	if err != nil {
		return nil, fmt.Errorf("list counters of %s: %w", counted(project, hook), err)
	}
	return slices.DeleteFunc(hours, func(h webhook.Hour) bool { return h.At.IsZero() }), nil
}

// Conditions of a note of health, whose item has the last success as ls and the first failure as fs. A failure that is not later than
// the last success stays in the item until a later one takes its place; who reads it leaves it out.
const (
	newerSuccess = "attribute_not_exists(ls) OR ls < :ls"
	firstFailure = "(attribute_not_exists(ls) OR ls < :fs) AND (attribute_not_exists(fs) OR fs <= ls OR fs > :fs)"
	newerThanAll = "(attribute_not_exists(ls) OR ls <= :ls) AND (attribute_not_exists(fs) OR fs <= :ls)"
)

// Note adds to the health of a webhook, by one write; by up to three where it has both a success and a failure, and something newer than
// its success is there.
func (s *Counters) Note(ctx context.Context, project, hook string, h webhook.Health) (err error) {
	switch success, failure := !h.LastSuccessAt.IsZero(), !h.FailingSince.IsZero(); {
	case success && failure:
		err = s.noteBoth(ctx, project, hook, h)
	case success:
		err = s.note(ctx, project, hook, h, newerSuccess)
	case failure:
		err = s.note(ctx, project, hook, h, firstFailure)
	}
	if err != nil && !conditionFailed(err) {
		return fmt.Errorf("note health of webhook %s: %w", hook, err)
	}
	return nil
}

func (s *Counters) noteBoth(ctx context.Context, project, hook string, h webhook.Health) error {
	err := s.note(ctx, project, hook, h, newerThanAll)
	met, lost := refused(err)
	if !lost {
		return err
	}
	if met.time("ls").Before(h.LastSuccessAt) {
		err := s.note(ctx, project, hook, webhook.Health{LastSuccessAt: h.LastSuccessAt}, newerSuccess)
		if err != nil && !conditionFailed(err) {
			return err
		}
	}
	return s.note(ctx, project, hook, webhook.Health{FailingSince: h.FailingSince}, firstFailure)
}

// note writes what h has, on a condition.
func (s *Counters) note(ctx context.Context, project, hook string, h webhook.Health, condition string) error {
	values := item{":f": number(format), ":pid": text(project)}
	values.setTime(":ls", h.LastSuccessAt)
	values.setTime(":fs", h.FailingSince)
	end := item{}
	end.setExpiry(s.db.now().Add(webhook.HealthRetention))
	values[":ttl"] = end["ttl"]
	change := "SET f = :f, pid = :pid, #ttl = :ttl"
	for _, name := range []string{"ls", "fs"} {
		if values[":"+name] != nil {
			change += ", " + name + " = :" + name
		}
	}
	return s.db.read(ctx, func() error { return s.db.update(ctx, healthKey(hook), change, condition, values) })
}

// Health reads the health of webhooks.
func (s *Counters) Health(ctx context.Context, project string, hooks ...string) (map[string]webhook.Health, error) {
	keys := make([]key, len(hooks))
	for i, hook := range hooks {
		keys[i] = healthKey(hook)
	}
	items, err := s.db.getAll(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("read health of %d webhooks: %w", len(hooks), err)
	}
	all := make(map[string]webhook.Health, len(items))
	for _, i := range items {
		if err := i.readable(); err != nil {
			return nil, err
		}
		if i.text("pid") == project {
			all[strings.TrimPrefix(i.text("pk"), "W#")] = webhook.Health{}.Plus(webhook.Health{LastSuccessAt: i.time("ls"), FailingSince: i.time("fs")})
		}
	}
	return all, nil
}

// counted names what counters are of.
func counted(project, hook string) string {
	if hook == webhook.Whole {
		return "project " + project
	}
	return "webhook " + hook
}

func decodeHour(i item) (h webhook.Hour, err error) {
	if err := i.readable(); err != nil {
		return h, err
	}
	if h.At, err = time.Parse(hourFormat, strings.TrimPrefix(i.text("sk"), "S#")); err != nil {
		return h, fmt.Errorf("counters %s %s: %w", i.text("pk"), i.text("sk"), err)
	}
	for name, n := range countersOf(&h.Stats) {
		*n = i.int(name)
	}
	return h, nil
}

// countersOf are the counters of s by their attributes. An hour's item has those that are not zero, and the project as pid:
//
//	ok, re, dd, ca     how often a delivery came to be succeeded, retrying, dead, cancelled
//	s0, s2 … s5        requests by the first digit of their status, 0 for none
//	d0 … d15           requests by how long they took
func countersOf(s *webhook.Stats) map[string]*int {
	all := map[string]*int{"ok": &s.Succeeded, "re": &s.Retrying, "dd": &s.Dead, "ca": &s.Cancelled, "s0": &s.Statuses[webhook.StatusNone]}
	for class := webhook.Status2xx; class <= webhook.Status5xx; class++ {
		all["s"+strconv.Itoa(int(class)+1)] = &s.Statuses[class]
	}
	for i := range s.Durations {
		all["d"+strconv.Itoa(i)] = &s.Durations[i]
	}
	return all
}
