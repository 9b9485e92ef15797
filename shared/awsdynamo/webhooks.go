package awsdynamo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"hermod/shared/webhook"
)

// Changes of webhooks and matches, and their conditions. What is not named here stays: the parking, and what a later release adds.
const (
	setHook = "SET f = :f, v = :v, nm = :nm, ds = :ds, addr = :addr, ev = :ev, fid = :fid, jid = :jid, hd = :hd, fmt = :fmt, en = :en, " +
		"why = :why, sig = :sig, sec = :sec, kp = :kp, sch = :sch, tmo = :tmo, rt = :rt, ca = :ca, ua = :ua"
	setMatch      = "SET f = :f, pid = :pid, fid = :fid, jid = :jid, ev = :ev, fmt = :fmt, ca = :ca"
	setParked     = "SET parked = :until"
	ofProject     = "pid = :pid"
	ifHookVersion = "v = :before AND attribute_not_exists(gone)"
	ifParkedLess  = "pid = :pid AND attribute_not_exists(gone) AND (attribute_not_exists(parked) OR parked < :until)"
)

// maxDeletes is how often a delete is decided on the webhook as it is.
const maxDeletes = 8

// Webhooks keeps webhooks. It is a webhook.Store.
type Webhooks struct{ db *DB }

// Webhooks returns the side of the table that keeps webhooks.
func (db *DB) Webhooks() *Webhooks { return &Webhooks{db} }

// Create writes a new webhook.
func (s *Webhooks) Create(ctx context.Context, w webhook.Webhook) error {
	if err := s.create(ctx, w); err != nil {
		return fmt.Errorf("create webhook %s: %w", w.UID, err)
	}
	return nil
}

func (s *Webhooks) create(ctx context.Context, w webhook.Webhook) error {
	listing := hookListingKey(w.Project, w.UID).item()
	listing["f"] = number(format)
	writes := []types.TransactWriteItem{
		s.db.putting(newHookItem(w), ifNone, nil),
		s.countingProject(w.Project, 1, boundTo(w.Job), webhook.MaxPerProject),
		s.db.putting(listing, "", nil),
		s.matching(w),
	}
	ofJob := len(writes)
	if w.Job != "" {
		writes = append(writes, s.countingJob(w.Job, 1, webhook.MaxPerJob))
	}
	err := s.db.transact(ctx, writes...)
	if err == nil {
		return s.end(ctx, w.Project)
	}
	_, used := refusedIn(err, 0)
	_, full := refusedIn(err, 1)
	_, jobFull := refusedIn(err, ofJob)
	switch {
	case used:
		return errUsedUp
	case full:
		return webhook.ErrQuota
	case jobFull:
		return webhook.ErrJobQuota
	}
	return err
}

// Get reads a webhook.
func (s *Webhooks) Get(ctx context.Context, project, uid string) (webhook.Webhook, error) {
	w, err := s.read(ctx, project, uid)
	if err != nil {
		return webhook.Webhook{}, fmt.Errorf("read webhook %s: %w", uid, err)
	}
	return w, nil
}

func (s *Webhooks) read(ctx context.Context, project, uid string) (webhook.Webhook, error) {
	i, err := s.db.get(ctx, webhookKey(uid))
	switch {
	case err != nil:
		return webhook.Webhook{}, err
	case !isHook(i, project):
		return webhook.Webhook{}, webhook.ErrNotFound
	}
	return decodeHook(i)
}

// Update writes a webhook over the version before it. Its scope may have moved, and its match with it.
func (s *Webhooks) Update(ctx context.Context, w webhook.Webhook) error {
	if err := s.update(ctx, w); err != nil {
		return fmt.Errorf("update webhook %s: %w", w.UID, err)
	}
	return nil
}

func (s *Webhooks) update(ctx context.Context, w webhook.Webhook) error {
	before, err := s.read(ctx, w.Project, w.UID)
	switch {
	case err != nil:
		return err
	case before.Version != w.Version-1:
		return webhook.ErrStale
	}
	values := hookValues(w)
	values[":before"] = number(int64(before.Version))
	writes := []types.TransactWriteItem{
		s.db.updating(webhookKey(w.UID), setHook, ifHookVersion, values),
		s.countingProject(w.Project, 0, boundTo(w.Job)-boundTo(before.Job), 0),
		s.matching(w),
	}
	if before.Job != w.Job {
		writes = append(writes, s.db.deleting(matchKey(before)))
		writes = append(writes, s.countingJobs(before.Job, w.Job)...)
	}
	err = s.db.transact(ctx, writes...)
	met, lost := refusedIn(err, 0)
	_, full := refusedIn(err, len(writes)-1)
	switch {
	case err == nil:
		return s.end(ctx, w.Project)
	case lost && isHook(met, w.Project):
		return webhook.ErrStale
	case lost:
		return webhook.ErrNotFound
	case full:
		return webhook.ErrJobQuota
	}
	return err
}

// boundTo is 1 for a job's webhook.
func boundTo(jobUID string) int {
	if jobUID == "" {
		return 0
	}
	return 1
}

// countingJobs counts that a webhook was of one job and is of another, if that has room, or of none. Its last write alone has a
// condition.
func (s *Webhooks) countingJobs(before, after string) (writes []types.TransactWriteItem) {
	if before != "" {
		writes = append(writes, s.countingJob(before, -1, 0))
	}
	if after != "" {
		writes = append(writes, s.countingJob(after, 1, webhook.MaxPerJob))
	}
	return writes
}

// Delete leaves an item that says that the uid was used.
func (s *Webhooks) Delete(ctx context.Context, project, uid string) error {
	err := errContended
	for n := 0; errors.Is(err, errContended) && n < maxDeletes; n++ {
		err = s.delete(ctx, project, uid)
	}
	if err != nil {
		return fmt.Errorf("delete webhook %s: %w", uid, err)
	}
	return nil
}

func (s *Webhooks) delete(ctx context.Context, project, uid string) error {
	w, err := s.read(ctx, project, uid)
	if err != nil {
		return err
	}
	tombstone := webhookKey(uid).item()
	tombstone["f"], tombstone["pid"], tombstone["gone"] = number(format), text(project), number(1)
	tombstone.setExpiry(s.db.now().Add(webhook.TombstoneLasting))
	writes := []types.TransactWriteItem{
		s.db.putting(tombstone, ifHookVersion, item{":before": number(int64(w.Version))}),
		s.countingProject(project, -1, -boundTo(w.Job), 0),
		s.db.deleting(hookListingKey(project, uid)),
		s.db.deleting(matchKey(w)),
	}
	err = s.db.transact(ctx, append(writes, s.countingJobs(w.Job, "")...)...)
	if err == nil {
		return s.end(ctx, project)
	}
	if _, lost := refusedIn(err, 0); lost {
		return errContended
	}
	return err
}

// List lists webhooks of the project, newest first.
func (s *Webhooks) List(ctx context.Context, project, before string, limit int) (list []webhook.Webhook, err error) {
	for len(list) < limit {
		wanted := limit - len(list)
		uids, err := s.listed(ctx, project, before, wanted)
		if err != nil {
			return nil, fmt.Errorf("list webhooks: %w", err)
		}
		page, err := s.readAll(ctx, project, uids)
		if err != nil {
			return nil, fmt.Errorf("list webhooks: %w", err)
		}
		list = append(list, page...)
		if len(uids) < wanted {
			break
		}
		before = uids[len(uids)-1] // some were deleted meanwhile, unless the list is full now
	}
	return list, nil
}

// listed returns the uids of up to limit webhooks below before, from the listing.
func (s *Webhooks) listed(ctx context.Context, project, before string, limit int) (uids []string, err error) {
	q := beginning(hookListingKey(project, ""))
	if before != "" {
		q.ExclusiveStartKey = hookListingKey(project, before).item()
	}
	q.ScanIndexForward, q.Limit = aws.Bool(false), aws.Int32(int32(limit))
	err = s.db.query(ctx, q, func(i item) bool {
		uids = append(uids, strings.TrimPrefix(i.text("sk"), "H#"))
		return len(uids) < limit
	})
	return uids, err
}

// readAll reads webhooks, newest first; those that were deleted are left out.
func (s *Webhooks) readAll(ctx context.Context, project string, uids []string) (list []webhook.Webhook, err error) {
	keys := make([]key, len(uids))
	for n, uid := range uids {
		keys[n] = webhookKey(uid)
	}
	items, err := s.db.getAll(ctx, keys)
	if err != nil {
		return nil, err
	}
	for _, i := range items {
		if !isHook(i, project) {
			continue
		}
		w, err := decodeHook(i)
		if err != nil {
			return nil, err
		}
		list = append(list, w)
	}
	slices.SortFunc(list, func(a, b webhook.Webhook) int { return strings.Compare(b.UID, a.UID) })
	return list, nil
}

// Park lets the webhook rest until then at least.
func (s *Webhooks) Park(ctx context.Context, project, uid string, until time.Time) error {
	values := item{":until": moment(until), ":pid": text(project)}
	err := s.db.read(ctx, func() error { return s.db.update(ctx, webhookKey(uid), setParked, ifParkedLess, values) })
	if _, no := refused(err); no || err == nil {
		return nil // it rests longer already, or there is no such webhook
	}
	return fmt.Errorf("park webhook %s: %w", uid, err)
}

// ProjectMatches lists the matches of the webhooks that are not bound to one job.
func (s *Webhooks) ProjectMatches(ctx context.Context, project string) ([]webhook.Match, error) {
	list, err := queryAll(ctx, s.db, beginning(projectMatchKey(project, "")), decodeMatch)
	if err != nil {
		return nil, fmt.Errorf("read matches of project %s: %w", project, err)
	}
	return list, nil
}

// JobMatches lists the matches of the webhooks that are bound to the job.
func (s *Webhooks) JobMatches(ctx context.Context, project, jobUID string) ([]webhook.Match, error) {
	q := beginning(jobMatchKey(jobUID, ""))
	q.FilterExpression, q.ExpressionAttributeValues[":pid"] = aws.String(ofProject), text(project)
	list, err := queryAll(ctx, s.db, q, decodeMatch)
	if err != nil {
		return nil, fmt.Errorf("read matches of job %s: %w", jobUID, err)
	}
	return list, nil
}

// matching writes the webhook's match.
func (s *Webhooks) matching(w webhook.Webhook) types.TransactWriteItem {
	return s.db.updating(matchKey(w), setMatch, "", matchValues(w))
}
