package redrive

import (
	"context"
	"fmt"
	"slices"
	"time"

	"hermod/shared/delivery"
)

const (
	// maxLetters bounds how many letters one task looks at, and letterTime how long: what it does not reach is harmless, and the
	// next task's.
	maxLetters = 10_000
	letterTime = 15 * time.Second
)

// deleteLetters deletes the letters whose rows are not dead in the letter's cycle any more: redriven by hand they would do
// nothing. Letters without a row stay, since only they know of it.
func (s *Service) deleteLetters(ctx context.Context) error {
	var kept []delivery.Receipt
	deleted, until := 0, s.Now().Add(letterTime)
	for len(kept)+deleted < maxLetters && s.Now().Before(until) {
		letters, err := s.Queue.Receive(ctx, delivery.LaneDead, 10, s.LetterWait)
		if err != nil {
			return err
		}
		if len(letters) == 0 {
			break
		}
		answered, rest, err := s.sortLetters(ctx, letters)
		if err != nil {
			return err
		}
		if err := s.Queue.Delete(ctx, answered...); err != nil {
			return err
		}
		kept, deleted = append(kept, rest...), deleted+len(answered)
	}
	for _, l := range kept {
		if err := s.Queue.Hide(ctx, l, 0); err != nil {
			return fmt.Errorf("put letter back: %w", err)
		}
	}
	s.Logger.Debug("letters deleted", "deleted", deleted, "kept", len(kept))
	return nil
}

// sortLetters tells the letters whose row has left the letter's cycle, or is not dead, from the rest.
func (s *Service) sortLetters(ctx context.Context, letters []delivery.Receipt) (answered, rest []delivery.Receipt, err error) {
	messages := make([]delivery.Message, len(letters))
	var uids []delivery.UID
	for i, l := range letters {
		m, err := delivery.ParseMessage(l.Body)
		if err != nil {
			continue // not ours to judge
		}
		if messages[i] = m; !slices.Contains(uids, m.UID()) {
			uids = append(uids, m.UID())
		}
	}
	rows, err := s.Log.Rows(ctx, uids...)
	if err != nil {
		return nil, nil, err
	}
	for i, l := range letters {
		at := slices.IndexFunc(rows, func(d delivery.Delivery) bool { return d.UID == messages[i].UID() })
		if at >= 0 && (rows[at].State != delivery.Dead || rows[at].Place.Cycle != messages[i].Cycle) {
			answered = append(answered, l)
		} else {
			rest = append(rest, l)
		}
	}
	return answered, rest, nil
}
