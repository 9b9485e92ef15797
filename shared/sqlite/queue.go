package sqlite

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"hermod/shared/delivery"
)

// maxReceive is how many messages one Receive hands out at most.
const maxReceive = 256

// redriveBatch is how many letters are moved in one operation.
const redriveBatch = 200

// Queue is the lanes. It is a delivery.Queue.
//
// A handle names a message's place and its receive count: once the message was hidden, moved or received again it names nothing.
type Queue struct{ db *DB }

// Queue returns the side of the database that holds messages.
func (db *DB) Queue() *Queue { return &Queue{db} }

// message is a row of a lane.
type message struct {
	group    string
	spot     spot
	receives int
	sentAt   int64
	expires  int64 // counts from when it was sent first
	source   string
	body     []byte
}

// Send sends parcels to a lane: those that can be sent all together, or none.
func (s *Queue) Send(ctx context.Context, name delivery.Lane, parcels ...delivery.Parcel) error {
	failed := &delivery.SendError{}
	for i, p := range parcels {
		if err := s.check(name, p); err != nil {
			failed.Failed = append(failed.Failed, i)
			if failed.Err == nil {
				failed.Err = err
			}
		}
	}
	if len(failed.Failed) < len(parcels) {
		if err := s.send(ctx, name, parcels, failed.Failed); err != nil {
			return &delivery.SendError{Failed: upTo(len(parcels)), Err: err}
		}
	}
	if len(failed.Failed) > 0 {
		return failed
	}
	return nil
}

func (s *Queue) check(name delivery.Lane, p delivery.Parcel) error {
	switch {
	case name.Letters() == "":
		return fmt.Errorf("nothing is sent to the lane %q: it holds letters, or there is none", name)
	case len(p.Body) > delivery.MaxBody:
		return fmt.Errorf("a message of %d bytes; at most %d are allowed", len(p.Body), delivery.MaxBody)
	case p.Delay < 0 || p.Delay > delivery.MaxDelay:
		return fmt.Errorf("a delay of %v; from 0 to %v is allowed", p.Delay, delivery.MaxDelay)
	}
	return nil
}

func (s *Queue) send(ctx context.Context, name delivery.Lane, parcels []delivery.Parcel, except []int) error {
	return s.db.write(ctx, "send messages", func(t *tx) error {
		now := s.db.now()
		for i, p := range parcels {
			if slices.Contains(except, i) {
				continue
			}
			m := message{group: p.Group, sentAt: now, expires: now + int64(delivery.LetterRetention), body: p.Body}
			if err := s.put(t, name, m, now+int64(p.Delay)); err != nil {
				return err
			}
		}
		return nil
	})
}

// put writes a message into a lane, under a new id and never received there.
func (s *Queue) put(t *tx, name delivery.Lane, m message, visible int64) error {
	at := spot{visible, s.db.nextID()}
	body := m.body
	if body == nil {
		body = []byte{}
	}
	_, err := t.exec("INSERT INTO message (lane, grp, visible_at, id, receives, sent_at, expires_at, source, body) VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?)",
		string(name), m.group, at.visible, at.id, m.sentAt, m.expires, m.source, body)
	t.onCommit(func() { s.db.lanes[name].arrived(m.group, at, s.db.now()) })
	return err
}

// Receive hands messages out, one group after the other.
func (s *Queue) Receive(ctx context.Context, name delivery.Lane, limit int, wait time.Duration) ([]delivery.Receipt, error) {
	l := s.db.lanes[name]
	if l == nil {
		return nil, fmt.Errorf("receive messages: there is no lane %q", name)
	}
	if limit < 1 {
		return nil, nil
	}
	defer l.signal() // another one may wait for what is left, and for the same moment
	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	for {
		now := s.db.now()
		ready, again := l.look(now)
		if ready {
			got, err := s.take(ctx, l, min(limit, maxReceive))
			if err != nil || len(got) > 0 {
				return got, err
			}
			continue
		}
		if s.db.closed() {
			return nil, ErrClosed
		}
		if wait <= 0 {
			return nil, nil
		}
		if done, err := s.pause(ctx, l, timeout, again-now, again > 0); done {
			return nil, err
		}
	}
}

// pause returns when it is worth to look again, or says that there is no time left.
func (s *Queue) pause(ctx context.Context, l *lane, timeout *time.Timer, until int64, known bool) (done bool, err error) {
	var visible <-chan time.Time
	if known {
		timer := time.NewTimer(time.Duration(until))
		defer timer.Stop()
		visible = timer.C
	}
	select {
	case <-l.wake:
	case <-visible:
	case <-timeout.C:
		return true, nil
	case <-s.db.closing:
		return true, ErrClosed
	case <-ctx.Done():
		return true, ctx.Err()
	}
	return false, nil
}

// take claims up to limit messages of the groups whose turn it is.
func (s *Queue) take(ctx context.Context, l *lane, limit int) (got []delivery.Receipt, err error) {
	err = s.db.write(ctx, "receive messages", func(t *tx) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		got = nil
		now, share := s.db.now(), l.share(limit)
		for range maxReceive {
			if len(got) == limit || len(l.ring) == 0 {
				break
			}
			receipts, err := s.takeTurn(t, l, min(share, limit-len(got)), now)
			if err != nil {
				return err
			}
			got = append(got, receipts...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return got, nil
}

// takeTurn claims up to share messages of the group whose turn it is.
func (s *Queue) takeTurn(t *tx, l *lane, share int, now int64) (got []delivery.Receipt, err error) {
	g := l.turn()
	var claims []*claim
	t.onUndo(func() { l.undo(g.name, claims, now) })
	found, err := find(t.conn, l, g, max(0, min(share, l.free(g))), now)
	if err != nil {
		return nil, err
	}
	for _, m := range found.messages {
		g.from = spot{m.spot.visible, m.spot.id + 1}
		switch {
		case m.expires <= now:
			err = remove(t, l.name, m)
		case m.wornOut(l.name):
			err = s.bury(t, l.name, m, now)
		default:
			claims = append(claims, l.claim(g, m.spot, m.receives+1, now+int64(delivery.Visibility)))
			got = append(got, m.receipt(l.name))
			err = raise(t, l.name, m)
		}
		if err != nil {
			return nil, err
		}
	}
	l.ended(g, found.more, found.next)
	return got, nil
}

// finding is what a turn came upon: messages in their order, whether there are more, and when the next becomes visible.
type finding struct {
	messages []message
	more     bool
	next     int64
}

// find reads a group's messages until share of them can be claimed. It looks at one more, to know how the group goes on.
func find(c *conn, l *lane, g *group, share int, now int64) (f finding, err error) {
	claimable := 0
	for r, err := range c.rows(`SELECT grp, visible_at, id, receives, sent_at, expires_at, source, body FROM message
		WHERE lane = ? AND grp = ? AND (visible_at, id) >= (?, ?) ORDER BY visible_at, id`, string(l.name), g.name, g.from.visible, g.from.id) {
		if err != nil {
			return f, err
		}
		m := toMessage(r)
		switch {
		case m.spot.visible > now:
			f.next = m.spot.visible
			return f, nil
		case claimable == share, len(f.messages) == maxReceive:
			f.more = true
			return f, nil
		case l.claims[m.spot.id] != nil:
			continue
		}
		if m.expires > now && !m.wornOut(l.name) {
			claimable++
		}
		f.messages = append(f.messages, m)
	}
	return f, nil
}

// wornOut reports whether a message was received as often as it may be: its turn makes it a letter.
func (m message) wornOut(name delivery.Lane) bool {
	return m.receives >= delivery.MaxReceives && name.Letters() != ""
}

// bury moves a message to the letters of its lane.
func (s *Queue) bury(t *tx, name delivery.Lane, m message, now int64) error {
	if err := remove(t, name, m); err != nil {
		return err
	}
	m.source = string(name)
	return s.put(t, name.Letters(), m, now)
}

// raise counts a receive in the table.
func raise(t *tx, name delivery.Lane, m message) error {
	_, err := t.exec("UPDATE message SET receives = receives + 1 WHERE lane = ? AND grp = ? AND visible_at = ? AND id = ?",
		string(name), m.group, m.spot.visible, m.spot.id)
	return err
}

func remove(t *tx, name delivery.Lane, m message) error {
	_, err := t.exec("DELETE FROM message WHERE lane = ? AND grp = ? AND visible_at = ? AND id = ?",
		string(name), m.group, m.spot.visible, m.spot.id)
	return err
}

// Delete acknowledges messages.
func (s *Queue) Delete(ctx context.Context, receipts ...delivery.Receipt) error {
	return s.db.write(ctx, "delete messages", func(t *tx) error {
		for _, r := range receipts {
			at, receives, ok := parseHandle(r.Handle)
			if !ok {
				continue
			}
			n, err := t.exec("DELETE FROM message WHERE lane = ? AND grp = ? AND visible_at = ? AND id = ? AND receives = ?",
				string(r.Lane), r.Group, at.visible, at.id, receives)
			if err != nil {
				return err
			}
			if n == 1 {
				t.onCommit(func() { s.db.lanes[r.Lane].settled(at.id, receives) })
			}
		}
		return nil
	})
}

// Hide hands a message back.
func (s *Queue) Hide(ctx context.Context, r delivery.Receipt, visibleAfter time.Duration) error {
	if visibleAfter < 0 || visibleAfter > delivery.MaxHidden {
		return fmt.Errorf("hide message for %v: from 0 to %v is allowed", visibleAfter, delivery.MaxHidden)
	}
	at, receives, ok := parseHandle(r.Handle)
	if !ok {
		return nil
	}
	return s.db.write(ctx, "hide message", func(t *tx) error {
		hidden := spot{s.db.now() + int64(visibleAfter), at.id}
		n, err := t.exec("UPDATE message SET visible_at = ? WHERE lane = ? AND grp = ? AND visible_at = ? AND id = ? AND receives = ?",
			hidden.visible, string(r.Lane), r.Group, at.visible, at.id, receives)
		if err != nil || n == 0 {
			return err
		}
		t.onCommit(func() {
			l := s.db.lanes[r.Lane]
			l.settled(at.id, receives)
			l.arrived(r.Group, hidden, s.db.now())
		})
		return nil
	})
}

// Visible counts the messages that could be received now.
func (s *Queue) Visible(ctx context.Context, name delivery.Lane) (n int, err error) {
	l := s.db.lanes[name]
	if l == nil {
		return 0, fmt.Errorf("count messages: there is no lane %q", name)
	}
	now := s.db.now()
	err = s.db.read(ctx, "count messages", func(c *conn) error {
		n, err = c.number("SELECT count(*) FROM message WHERE lane = ? AND visible_at <= ? AND expires_at > ?", string(name), now, now)
		return err
	})
	return max(0, n-l.held(now)), err
}

// Redrive moves the letters of a lane that nobody has in hand back to where they came from. It returns when all are moved.
func (s *Queue) Redrive(ctx context.Context, letters delivery.Lane) error {
	if s.db.lanes[letters] == nil || letters.Letters() != "" {
		return fmt.Errorf("redrive letters: the lane %q holds none", letters)
	}
	for after := new(message); after != nil; {
		var last *message
		err := s.db.write(ctx, "redrive letters", func(t *tx) (err error) {
			last, err = s.redrive(t, letters, *after)
			return err
		})
		if err != nil {
			return err
		}
		after = last
	}
	return nil
}

// redrive moves some letters, those after the given one. It returns the last that it has looked at, nil at the end.
func (s *Queue) redrive(t *tx, letters delivery.Lane, after message) (last *message, err error) {
	now := s.db.now()
	batch, err := collect(t.rows(`SELECT grp, visible_at, id, receives, sent_at, expires_at, source, body FROM message
		WHERE lane = ? AND (grp, visible_at, id) > (?, ?, ?) ORDER BY grp, visible_at, id LIMIT ?`,
		string(letters), after.group, after.spot.visible, after.spot.id, redriveBatch), func(r row) (message, error) { return toMessage(r), nil })
	if err != nil {
		return nil, err
	}
	for i, m := range batch {
		last = &batch[i]
		back := delivery.Lane(m.source)
		if m.spot.visible > now || m.expires <= now || s.db.lanes[back] == nil || s.db.lanes[letters].holds(m.spot.id) {
			continue
		}
		if err := remove(t, letters, m); err != nil {
			return nil, err
		}
		m.sentAt, m.source = now, ""
		if err := s.put(t, back, m, now); err != nil {
			return nil, err
		}
	}
	return last, nil
}

// toMessage reads a row of grp, visible_at, id, receives, sent_at, expires_at, source, body.
func toMessage(r row) message {
	return message{
		group: r.text(0), spot: spot{r.int(1), r.int(2)}, receives: int(r.int(3)), sentAt: r.int(4), expires: r.int(5),
		source: r.text(6), body: r.blob(7),
	}
}

// receipt is what the message's receiver gets: this time counts.
func (m message) receipt(name delivery.Lane) delivery.Receipt {
	return delivery.Receipt{
		Lane: name, Handle: handle(m.spot, m.receives+1), Group: m.group, Body: m.body, Receives: m.receives + 1, SentAt: moment(m.sentAt),
	}
}

func handle(at spot, receives int) string {
	b := strconv.AppendInt(nil, at.visible, 36)
	b = strconv.AppendInt(append(b, '.'), at.id, 36)
	return string(strconv.AppendInt(append(b, '.'), int64(receives), 36))
}

func parseHandle(s string) (at spot, receives int, ok bool) {
	var n [3]int64
	for i, part := range strings.Split(s, ".") {
		v, err := strconv.ParseInt(part, 36, 64)
		if i > 2 || err != nil {
			return at, 0, false
		}
		n[i] = v
	}
	return spot{n[0], n[1]}, int(n[2]), n[2] > 0
}

// upTo is 0 to n-1.
func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}
