package redrive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"hermod/shared/delivery"
)

const (
	messageFormat = 1
	messageKind   = "redrive"
	// settleFor is how long a task waits for dispatch to reopen what it sent.
	settleFor = time.Hour
	// settleEvery is how often it looks at first; later at a tenth of its age, up to a minute.
	settleEvery = 2 * time.Second
	// pageSeconds is for how long a page sends at the task's rate: what is in the queue already is beyond a cancellation.
	pageSeconds = 5
	// maxPages bounds into how many pages a task divides what was counted for it: each costs a message, two writes, and a read
	// whenever the task is counted.
	maxPages = 500
	// missingEvents is how many events a page of a search for missing deliveries compares: each may match a thousand webhooks.
	missingEvents = 10
	// storedItems is how many items one stored page has at most: some 100 KB.
	storedItems = 1000
)

// message moves a task in the lane ops.
type message struct {
	Format  int    `json:"f"`
	Kind    string `json:"kind"`
	Project string `json:"p"`
	Task    string `json:"task"`
	Version int    `json:"v"`
}

// proceed sends the message that carries the task on.
func (s *Service) proceed(ctx context.Context, t Task, delay time.Duration) error {
	body, err := json.Marshal(message{Format: messageFormat, Kind: messageKind, Project: t.Project, Task: t.UID, Version: t.Version})
	if err != nil {
		return fmt.Errorf("encode message of redrive %s: %w", t.UID, err)
	}
	if err := s.Queue.Send(ctx, delivery.LaneOps, delivery.Parcel{Group: t.UID, Body: body, Delay: delay}); err != nil {
		return fmt.Errorf("send message of redrive %s: %w", t.UID, err)
	}
	return nil
}

// Handle works on one message of the lane ops and says what becomes of it. A panic is contained.
func (s *Service) Handle(ctx context.Context, r delivery.Receipt) (v delivery.Verdict) {
	var m message
	defer func() {
		if p := recover(); p != nil {
			s.Logger.Error("redrive panicked", "redrive", m.Task, "project", m.Project, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			v = delivery.HandedBack(r.Receives)
		}
	}()
	err := json.Unmarshal(r.Body, &m)
	switch {
	case err == nil && m.Format > messageFormat:
		return delivery.HandedOver()
	case err == nil && m.Kind != messageKind:
		err = fmt.Errorf("message of kind %q is no redrive", m.Kind)
	case err == nil:
		err = s.advance(ctx, m, r.Receives)
	}
	if err != nil {
		s.Logger.Error("redrive not advanced", "redrive", m.Task, "project", m.Project, "receives", r.Receives, "error", err.Error())
		return delivery.HandedBack(r.Receives)
	}
	return delivery.Acknowledged()
}

// advance takes one step of the task. A message received again, one version behind, crashed before it sent the next one.
func (s *Service) advance(ctx context.Context, m message, receives int) error {
	t, err := s.Tasks.Task(ctx, m.Project, m.Task)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil // expired
	case err != nil:
		return err
	case t.State.Ended():
		return nil
	case t.Version == m.Version+1 && receives > 1:
		return s.proceed(ctx, t, 0)
	case t.Version != m.Version:
		return nil // a copy
	case t.State == Sending:
		return s.sendPage(ctx, t)
	}
	return s.settle(ctx, t)
}

// sendPage sends the task's next page, spread over the time that its rate allows.
func (s *Service) sendPage(ctx context.Context, t Task) error {
	q := t.Query
	q.Before, q.Limit = t.Position, t.pageSize()
	if q.State == Missing {
		q.Limit = missingEvents
	}
	page, next, err := s.find(ctx, q)
	if err != nil {
		return err
	}
	items, err := s.begun(ctx, t)
	if err != nil {
		return err
	}
	page, items = add(page, items)
	now := s.Now().UTC().Truncate(time.Millisecond)
	parcels := make([]delivery.Parcel, len(page))
	for i, d := range page {
		m := delivery.NewMessage(d.Project, d.UID, d.Place, delivery.CauseRedrive)
		if q.State == Missing {
			m.Cause, m.MaybeDup = delivery.CauseSchedule, true // a first attempt again
		}
		parcels[i] = m.Parcel(now, t.pace(i).Truncate(time.Second))
	}
	pages := t.Pages
	for part := range slices.Chunk(items, storedItems) {
		if err := s.Tasks.PutPage(ctx, t.UID, pages, part); err != nil {
			return fmt.Errorf("keep page %d: %w", pages, err)
		}
		pages++
	}
	if err := s.Queue.Send(ctx, delivery.LaneRetry, parcels...); err != nil {
		return fmt.Errorf("send page %d: %w", t.Pages, err)
	}
	t.Position, t.Pages, t.Sent, t.Version, t.UpdatedAt = next, pages, t.Sent+len(items), t.Version+1, now
	if next == "" {
		t.State, t.SentAt = Settling, now
	}
	if err := s.Tasks.UpdateTask(ctx, t); err != nil {
		return fmt.Errorf("write progress: %w", err)
	}
	return s.proceed(ctx, t, t.pace(len(page)))
}

// begun returns what the page was to send in a run before this one, which crashed: dispatch may have reopened it since.
func (s *Service) begun(ctx context.Context, t Task) (items []Item, err error) {
	for n := t.Pages; ; n++ {
		part, err := s.Tasks.Page(ctx, t.UID, n)
		if err != nil {
			return nil, fmt.Errorf("read page %d: %w", n, err)
		}
		if len(part) == 0 {
			return items, nil
		}
		items = append(items, part...)
	}
}

// add adds what was found to the items of a page begun before, and leaves out of what was found those that the page has reopened
// and that are dead again.
func add(found []delivery.Delivery, items []Item) ([]delivery.Delivery, []Item) {
	begun := make(map[delivery.UID]int, len(items))
	for _, item := range items {
		begun[item.UID] = item.Cycle
	}
	page := found[:0]
	for _, d := range found {
		cycle, ok := begun[d.UID]
		switch {
		case !ok:
			items = append(items, Item{UID: d.UID, Cycle: d.Place.Cycle})
		case cycle != d.Place.Cycle:
			continue
		}
		page = append(page, d)
	}
	return page, items
}

// pageSize is how many deliveries the task sends at a time, unless they are missing.
func (t Task) pageSize() int {
	return min(pageSize, max(t.Rate*pageSeconds, t.Matched/maxPages))
}

// pace is when delivery number i of a page may start, at the task's rate; never later than a message can wait.
func (t Task) pace(i int) time.Duration {
	return min(time.Duration(i)*time.Second/time.Duration(t.Rate), delivery.MaxDelay)
}

// settle counts what has become of what was sent, and completes the task when nothing of it is as it was.
func (s *Service) settle(ctx context.Context, t Task) error {
	t, unmoved, err := s.count(ctx, t)
	if err != nil {
		return err
	}
	age := s.Now().Sub(t.SentAt)
	if unmoved > 0 && age < settleFor {
		t.Version, t.UpdatedAt = t.Version+1, t.CountedAt
		if err := s.Tasks.UpdateTask(ctx, t); err != nil {
			return fmt.Errorf("write counts: %w", err)
		}
		return s.proceed(ctx, t, min(max(settleEvery, age/10), time.Minute))
	}
	if err := s.deleteLetters(ctx); err != nil {
		return fmt.Errorf("delete letters: %w", err)
	}
	t = s.end(t, Completed)
	if err := s.Tasks.UpdateTask(ctx, t); err != nil {
		return fmt.Errorf("complete: %w", err)
	}
	s.Logger.Info("redrive completed", "redrive", t.UID, "project", t.Project, "matched", t.Matched, "sent", t.Sent, "unmoved", unmoved,
		"duration_ms", t.EndedAt.Sub(t.CreatedAt).Milliseconds())
	return nil
}

// count makes the task's counts anew. unmoved is how many rows are still as they were when they were sent.
func (s *Service) count(ctx context.Context, t Task) (counted Task, unmoved int, err error) {
	t.Succeeded, t.Failed, t.Waiting = 0, 0, 0
	var items []Item // of several pages, where they are small
	for n := range t.Pages {
		page, err := s.Tasks.Page(ctx, t.UID, n)
		if err != nil {
			return t, 0, fmt.Errorf("read page %d of redrive %s: %w", n, t.UID, err)
		}
		if items = append(items, page...); len(items) < pageSize && n < t.Pages-1 {
			continue
		}
		left, err := s.countItems(ctx, &t, items)
		if err != nil {
			return t, 0, err
		}
		unmoved, items = unmoved+left, items[:0]
	}
	t.Waiting += unmoved
	t.CountedAt = s.Now().UTC().Truncate(time.Millisecond)
	return t, unmoved, nil
}

func (s *Service) countItems(ctx context.Context, t *Task, items []Item) (unmoved int, err error) {
	uids, cycles := make([]delivery.UID, len(items)), make(map[delivery.UID]int, len(items))
	for i, item := range items {
		uids[i], cycles[item.UID] = item.UID, item.Cycle
	}
	rows := make([]delivery.Delivery, 0, len(items))
	for len(uids) > 0 {
		n := min(len(uids), pageSize)
		read, err := s.Log.Rows(ctx, uids[:n]...)
		if err != nil {
			return 0, fmt.Errorf("read rows of redrive %s: %w", t.UID, err)
		}
		rows, uids = append(rows, read...), uids[n:]
	}
	for _, r := range rows {
		switch {
		case r.State == delivery.Succeeded:
			t.Succeeded++
		case r.State.Waits():
			t.Waiting++
		case r.Place.Cycle == cycles[r.UID] && t.Query.State != Missing:
			unmoved++
		default:
			t.Failed++
		}
	}
	if t.Query.State == Missing {
		unmoved = len(items) - len(rows)
	}
	return unmoved, nil
}
