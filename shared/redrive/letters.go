package redrive

import (
	"context"
	"fmt"

	"hermod/shared/delivery"
)

// maxLetters bounds how many letters one task looks at; what it does not reach is harmless, and the next task's.
const maxLetters = 10_000

// deleteLetters deletes the letters whose rows are not dead in the letter's cycle any more: redriven by hand they would do
// nothing. Letters without a row stay, since only they know of it.
func (s *Service) deleteLetters(ctx context.Context) error {
	var kept []delivery.Receipt
	deleted := 0
	for len(kept)+deleted < maxLetters {
		letters, err := s.Queue.Receive(ctx, delivery.LaneDead, 10, 0)
		if err != nil {
			return err
		}
		if len(letters) == 0 {
			break
		}
		for _, l := range letters {
			done, err := s.answered(ctx, l)
			if err != nil {
				return err
			}
			if !done {
				kept = append(kept, l)
				continue
			}
			if err := s.Queue.Delete(ctx, l); err != nil {
				return err
			}
			deleted++
		}
	}
	for _, l := range kept {
		if err := s.Queue.Hide(ctx, l, 0); err != nil {
			return fmt.Errorf("put letter back: %w", err)
		}
	}
	s.Logger.Debug("letters deleted", "deleted", deleted, "kept", len(kept))
	return nil
}

// answered reports whether the letter's row has left the letter's cycle or is not dead.
func (s *Service) answered(ctx context.Context, l delivery.Receipt) (bool, error) {
	m, err := delivery.ParseMessage(l.Body)
	if err != nil {
		return false, nil // not ours to judge
	}
	rows, err := s.Log.Rows(ctx, m.UID())
	if err != nil || len(rows) == 0 {
		return false, err
	}
	return rows[0].State != delivery.Dead || rows[0].Place.Cycle != m.Cycle, nil
}
