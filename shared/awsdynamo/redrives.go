package awsdynamo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"hermod/shared/delivery"
	"hermod/shared/job"
	"hermod/shared/redrive"
)

// Redrives keeps redrive tasks and what they sent. It is a redrive.Store.
type Redrives struct{ db *DB }

// Redrives returns the side of the table that keeps redrive tasks.
func (db *DB) Redrives() *Redrives { return &Redrives{db} }

// CreateTask writes a new task.
func (s *Redrives) CreateTask(ctx context.Context, t redrive.Task) error {
	return s.write(ctx, t, true, func(met item) error {
		if met != nil {
			return errUsedUp
		}
		return nil
	})
}

// Task reads one of the project.
func (s *Redrives) Task(ctx context.Context, project, uid string) (redrive.Task, error) {
	found, err := s.db.get(ctx, redriveKey(project, uid))
	switch {
	case err != nil:
		return redrive.Task{}, fmt.Errorf("read redrive %s: %w", uid, err)
	case found == nil:
		return redrive.Task{}, fmt.Errorf("read redrive %s: %w", uid, redrive.ErrNotFound)
	}
	return decodeTask(found)
}

// UpdateTask writes a task over the version before it.
func (s *Redrives) UpdateTask(ctx context.Context, t redrive.Task) error {
	return s.write(ctx, t, false, func(met item) error {
		if met == nil || met.int("version") != t.Version-1 {
			return redrive.ErrStale
		}
		return nil
	})
}

// write writes a task unless the one that is there is refused.
func (s *Redrives) write(ctx context.Context, t redrive.Task, fresh bool, refuse func(met item) error) error {
	err := s.db.modify(ctx, redriveKey(t.Project, t.UID), fresh, func(met item) (item, error) {
		if err := refuse(met); err != nil {
			return nil, err
		}
		if met == nil {
			met = item{}
		}
		met.setTask(t)
		met.setExpiry(s.db.now().Add(redrive.Retention))
		return met, nil
	})
	if err != nil {
		return fmt.Errorf("write redrive %s: %w", t.UID, err)
	}
	return nil
}

// ListTasks lists tasks of the project, newest first.
func (s *Redrives) ListTasks(ctx context.Context, project, before string, limit int) (list []redrive.Task, err error) {
	q := beginning(redriveKey(project, ""))
	if before != "" {
		q.ExclusiveStartKey = redriveKey(project, before).item()
	}
	q.ScanIndexForward, q.Limit = aws.Bool(false), aws.Int32(int32(limit))
	var bad error
	err = s.db.query(ctx, q, func(i item) bool {
		var t redrive.Task
		if t, bad = decodeTask(i); bad == nil {
			list = append(list, t)
		}
		return bad == nil && len(list) < limit
	})
	if err = errors.Join(err, bad); err != nil {
		return nil, fmt.Errorf("list redrives: %w", err)
	}
	return list, nil
}

// PutPage keeps what a page of a task sends: of each item its cycle and its uids, packed.
func (s *Redrives) PutPage(ctx context.Context, task string, n int, items []redrive.Item) error {
	var list packed
	for _, one := range items {
		list = list.addNumber(one.Cycle).addUID(one.UID.Event).addUID(one.UID.Webhook)
	}
	i := redrivePageKey(task, n).item()
	i["f"] = number(format)
	i.setOctets("items", list)
	i.setExpiry(s.db.now().Add(redrive.Retention))
	if err := s.db.put(ctx, i, "", nil); err != nil {
		return fmt.Errorf("keep page %d of redrive %s: %w", n, task, err)
	}
	return nil
}

// Page reads a page of a task.
func (s *Redrives) Page(ctx context.Context, task string, n int) (items []redrive.Item, err error) {
	found, err := s.db.get(ctx, redrivePageKey(task, n))
	if err == nil {
		err = found.readable()
	}
	list := unpacking{rest: found.octets("items"), err: err}
	for list.more() {
		cycle, event, hook := list.number(), list.uid(), list.uid()
		items = append(items, redrive.Item{UID: delivery.UID{Event: event, Webhook: hook}, Cycle: cycle})
	}
	if list.err != nil {
		return nil, fmt.Errorf("read page %d of redrive %s: %w", n, task, list.err)
	}
	return items, nil
}

// setTask stores a task. What its query asks for has names that begin with q_.
func (i item) setTask(t redrive.Task) {
	i["version"], i["state"] = number(int64(t.Version)), text(string(t.State))
	i.setInt("rate", t.Rate)
	i.setInt("matched", t.Matched)
	i.setInt("sent", t.Sent)
	i.setInt("succeeded", t.Succeeded)
	i.setInt("failed", t.Failed)
	i.setInt("waiting", t.Waiting)
	i.setText("position", t.Position)
	i.setInt("pages", t.Pages)
	i.setTime("sent_at", t.SentAt)
	i.setTime("counted_at", t.CountedAt)
	i.setTime("created_at", t.CreatedAt)
	i.setTime("updated_at", t.UpdatedAt)
	i.setTime("ended_at", t.EndedAt)
	q := t.Query
	i["pid"], i["q_project"] = text(t.Project), text(q.Project)
	i.setText("q_state", string(q.State))
	i.setText("q_webhook", q.Webhook)
	i.setText("q_workflow", q.Workflow)
	i.setText("q_job", q.Job)
	i.setText("q_event", string(q.Event))
	i.setText("q_class", string(q.Class))
	i.setTime("q_since", q.Since)
	i.setTime("q_until", q.Until)
}

func decodeTask(i item) (redrive.Task, error) {
	t := redrive.Task{
		UID: strings.TrimPrefix(i.text("sk"), "R#"), Project: i.text("pid"), Version: i.int("version"), State: redrive.State(i.text("state")), Rate: i.int("rate"),
		Matched: i.int("matched"), Sent: i.int("sent"), Succeeded: i.int("succeeded"), Failed: i.int("failed"), Waiting: i.int("waiting"),
		Position: i.text("position"), Pages: i.int("pages"), SentAt: i.time("sent_at"), CountedAt: i.time("counted_at"),
		CreatedAt: i.time("created_at"), UpdatedAt: i.time("updated_at"), EndedAt: i.time("ended_at"),
		Query: delivery.Query{
			Project: i.text("q_project"), State: delivery.State(i.text("q_state")), Webhook: i.text("q_webhook"), Workflow: i.text("q_workflow"),
			Job: i.text("q_job"), Event: job.EventType(i.text("q_event")), Class: delivery.ErrorClass(i.text("q_class")),
			Since: i.time("q_since"), Until: i.time("q_until"),
		},
	}
	return t, i.readable()
}
