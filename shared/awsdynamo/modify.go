package awsdynamo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	// maxDecisions is how often a write is decided on the item as it is. Of sixty-four writers that go for one item at once, as the
	// tests let them, the unluckiest needs a dozen or so.
	maxDecisions = 40
	// firstRest and longestRest bound the rest of a writer that lost against another more than once.
	firstRest, longestRest = 20 * time.Millisecond, 500 * time.Millisecond
)

// Conditions of a write that was decided on an item: there is none, or it is as it was. Each such write counts rev.
const (
	ifNone      = "attribute_not_exists(pk)"
	ifUnchanged = "rev = :rev"
)

// modify writes what decide makes of the item of a key; nothing if decide returns none. decide gets nil where there is no item or
// it has expired, else a copy that it may change: what it leaves alone stays. It may be called several times, for the write is made
// on condition that the item is still the one that was decided on. An error of decide is the error of modify.
//
// fresh says that there is likely no item: it is not read first. If there is one after all, the refused write brings it.
func (db *DB) modify(ctx context.Context, k key, fresh bool, decide func(item) (item, error)) (err error) {
	var met item
	if !fresh {
		if met, err = db.fetch(ctx, k); err != nil {
			return err
		}
	}
	for n := 1; ; n++ {
		alive := met.alive(db.now())
		if err := alive.readable(); err != nil {
			return err
		}
		next, err := decide(alive.clone())
		if next == nil || err != nil {
			return err
		}
		err = db.putOver(ctx, k, met, next)
		lost := false
		if met, lost = refused(err); !lost {
			return err
		}
		if n == maxDecisions {
			return fmt.Errorf("%w %s %s", errContended, k.pk, k.sk)
		}
		if n == 1 {
			continue // the refusal has brought the item
		}
		if met, err = db.fetchLater(ctx, k, n); err != nil {
			return err
		}
	}
}

// putOver writes an item over the one that it was decided on; nil: over none.
func (db *DB) putOver(ctx context.Context, k key, met, next item) error {
	next["pk"], next["sk"] = text(k.pk), text(k.sk)
	next["f"], next["rev"] = number(format), number(int64(met.int("rev"))+1)
	if len(met) == 0 {
		return db.put(ctx, next, ifNone, nil)
	}
	return db.put(ctx, next, ifUnchanged, item{":rev": number(int64(met.int("rev")))})
}

// fetchLater lets others go first, at random and the longer the more often this writer lost, and reads the item anew.
func (db *DB) fetchLater(ctx context.Context, k key, losses int) (item, error) {
	longest := min(firstRest<<min(losses, 8), longestRest)
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(rand.N(longest)):
	}
	return db.fetch(ctx, k)
}
