package awsdynamo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/job"
	"hermod/shared/uid"
)

// lateness is how long after it happened an event may be archived, or extended, and still be found by its day. What is kept for
// longer than others of its day is in the index list too, for no list looks at days that are over.
const lateness = 24 * time.Hour

// Archive keeps events. It is a delivery.Archive.
//
// An event is an item:
//
//	job, workflow, event, seq, at, test   what happened
//	to_<format>                           the webhooks that get it in that payload format, packed
//	body_<format>                         the body in that format
//	list_pk, list_sk                      its entry in the list of those that are kept for longer, if it is
type Archive struct{ db *DB }

// Archive returns the side of the table that keeps events.
func (db *DB) Archive() *Archive { return &Archive{db} }

// Put stores the event unless it is there: one write, without a read.
func (s *Archive) Put(ctx context.Context, e delivery.Event) (stored delivery.Event, existed bool, err error) {
	err = s.db.modify(ctx, eventKey(e.Project, e.UID), true, func(met item) (next item, err error) {
		if existed = met != nil; existed {
			stored, err = decodeEvent(met)
			return nil, err
		}
		stored, next = e, item{}
		next.keepEvent(e.Project, e.UID, s.db.now().Add(delivery.Retention))
		return next, next.setEvent(e)
	})
	if err != nil {
		return delivery.Event{}, false, fmt.Errorf("archive event %s: %w", e.UID, err)
	}
	return stored, existed, nil
}

// Event reads one.
func (s *Archive) Event(ctx context.Context, project, uid string) (delivery.Event, error) {
	found, err := s.db.get(ctx, eventKey(project, uid))
	switch {
	case err != nil:
		return delivery.Event{}, fmt.Errorf("read event %s: %w", uid, err)
	case found == nil:
		return delivery.Event{}, fmt.Errorf("read event %s: %w", uid, delivery.ErrNoEvent)
	}
	return decodeEvent(found)
}

// AddMatch adds a webhook to an event, and its body if the event has none in that format.
func (s *Archive) AddMatch(ctx context.Context, project, uid string, m delivery.Match, body []byte) (e delivery.Event, err error) {
	err = s.db.modify(ctx, eventKey(project, uid), false, func(met item) (item, error) {
		if met == nil {
			return nil, delivery.ErrNoEvent
		}
		if e, err = decodeEvent(met); err != nil {
			return nil, err
		}
		if _, ok := e.Match(m.Webhook); ok {
			return nil, nil
		}
		e.Matched = append(e.Matched, m)
		if _, ok := e.Bodies[m.Format]; !ok {
			e.Bodies[m.Format] = body
		}
		return met, met.setEvent(e)
	})
	if err != nil {
		return delivery.Event{}, fmt.Errorf("add match to event %s: %w", uid, err)
	}
	return e, nil
}

// Extend keeps the event until then at least.
func (s *Archive) Extend(ctx context.Context, project, uid string, until time.Time) error {
	err := s.db.modify(ctx, eventKey(project, uid), false, func(met item) (item, error) {
		if met == nil || until.Unix() <= int64(met.int("ttl")) {
			return nil, nil
		}
		met.keepEvent(project, uid, until)
		return met, nil
	})
	if err != nil {
		return fmt.Errorf("extend event %s: %w", uid, err)
	}
	return nil
}

// keepEvent says until when an event is kept.
func (i item) keepEvent(project, event string, until time.Time) {
	i.setExpiry(until)
	if until.After(uid.Time(event).Add(delivery.Retention + lateness)) {
		pk, sk := keptKey(project, event)
		i["list_pk"], i["list_sk"] = text(pk), text(sk)
	}
}

// setEvent stores an event.
func (i item) setEvent(e delivery.Event) error {
	i.setText("job", e.Job)
	i.setText("workflow", e.Workflow)
	i.setText("event", string(e.Type))
	i.setInt("seq", e.Sequence)
	i.setTime("at", e.At)
	i.setFlag("test", e.Test)
	hooks := map[job.Format]packed{}
	for _, m := range e.Matched {
		hooks[m.Format] = hooks[m.Format].addUID(m.Webhook)
	}
	for f, list := range hooks {
		if !slices.Contains(job.Formats, f) {
			return fmt.Errorf("there is no payload format %q", f)
		}
		i.setOctets("to_"+string(f), list)
	}
	for f, body := range e.Bodies {
		if !slices.Contains(job.Formats, f) {
			return fmt.Errorf("there is no payload format %q", f)
		}
		i["body_"+string(f)] = octets(slices.Concat([]byte{}, body)) // a body may be empty, which is more than none
	}
	return nil
}

// decodeEvent reads an event; without bodies if the item was read without them.
func decodeEvent(i item) (delivery.Event, error) {
	if err := i.readable(); err != nil {
		return delivery.Event{}, err
	}
	project, _, _ := strings.Cut(strings.TrimPrefix(i.text("pk"), "P#"), "#E#")
	e := delivery.Event{
		UID: i.text("sk"), Project: project, Job: i.text("job"), Workflow: i.text("workflow"), Type: job.EventType(i.text("event")),
		Sequence: i.int("seq"), At: i.time("at"), Test: i.flag("test"), Bodies: map[job.Format][]byte{},
	}
	for _, f := range job.Formats {
		if _, ok := i["body_"+string(f)]; ok {
			e.Bodies[f] = i.octets("body_" + string(f))
		}
		for list := (unpacking{rest: i.octets("to_" + string(f))}); list.more(); {
			e.Matched = append(e.Matched, delivery.Match{Webhook: list.uid(), Format: f})
			if list.err != nil {
				return e, fmt.Errorf("matches of event %s: %w", e.UID, list.err)
			}
		}
	}
	return e, nil
}
