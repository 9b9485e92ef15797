package sqlite

import (
	"context"
	"time"

	"hermod/shared/access"
)

// freeClaims ends the claims of the process that had the file before: it will not answer.
func freeClaims(c *conn, now time.Time) error {
	_, err := c.exec("DELETE FROM reply WHERE expires_at <= ? AND held_until IS NOT NULL", now.Add(access.ReplyLease))
	return err
}

// Begin claims a name for a request, or returns what the first request with that name was answered.
func (s *Access) Begin(ctx context.Context, name, request string, now time.Time) (reply *access.Reply, err error) {
	err = s.db.write(ctx, "begin request", func(t *tx) error {
		reply = nil
		r, err := t.get("SELECT doc, held_until FROM reply WHERE name = ? AND expires_at > ?", name, now)
		if err != nil {
			return err
		}
		if r != nil {
			held := r[1] != nil
			if !held || r.time(1).After(now) {
				return s.answer(r, held, &reply)
			}
		}
		return s.hold(t, name, request, now)
	})
	return reply, err
}

// answer is what a later request gets: the reply, or that there is none yet.
func (s *Access) answer(r row, held bool, reply **access.Reply) error {
	d, err := decode[replyDoc](r.blob(0))
	if err != nil {
		return err
	}
	*reply = &access.Reply{Request: d.Request, Status: d.Status, Header: d.Header, Sealed: d.Sealed}
	if held {
		return access.ErrInFlight
	}
	return nil
}

func (s *Access) hold(t *tx, name, request string, now time.Time) error {
	until := now.Add(access.ReplyLease)
	_, err := t.exec("INSERT OR REPLACE INTO reply (name, held_until, expires_at, doc) VALUES (?, ?, ?, ?)",
		name, until, until, encode(replyDoc{Request: request}))
	return err
}

// Finish keeps the reply of a claim.
func (s *Access) Finish(ctx context.Context, name string, r access.Reply, now time.Time) error {
	doc := encode(replyDoc{Request: r.Request, Status: r.Status, Header: r.Header, Sealed: r.Sealed})
	return s.db.write(ctx, "keep reply", func(t *tx) error {
		_, err := t.exec("INSERT OR REPLACE INTO reply (name, held_until, expires_at, doc) VALUES (?, NULL, ?, ?)",
			name, now.Add(access.ReplyRetention), doc)
		return err
	})
}

// Abandon gives a claim up. What was answered stays answered.
func (s *Access) Abandon(ctx context.Context, name string) error {
	return s.db.write(ctx, "abandon request", func(t *tx) error {
		_, err := t.exec("DELETE FROM reply WHERE name = ? AND held_until IS NOT NULL", name)
		return err
	})
}

type replyDoc struct {
	Request string            `json:"request"`
	Status  int               `json:"status,omitempty"`
	Header  map[string]string `json:"header,omitempty"`
	Sealed  string            `json:"sealed,omitempty"`
}
