package awsdynamo

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// refusedPut is the answer to a write whose condition failed on an item that is there.
var refusedPut = answers(http.StatusBadRequest, `{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"refused",
	"Item":{"pk":{"S":"p"},"sk":{"S":"s"},"rev":{"N":"7"}}}`)

// alwaysContended is a table that always answers the same, without a network, so that its time can be that of a test.
func alwaysContended() (*DB, *faults) {
	f := newFaults()
	f.always("PutItem", refusedPut)
	f.always("GetItem", answers(http.StatusOK, `{"Item":{"pk":{"S":"p"},"sk":{"S":"s"},"rev":{"N":"7"}}}`))
	return New(Config{Client: client("http://127.0.0.1:1", f.between(nil)), Table: "hermod"}), f
}

func TestAWriterThatAlwaysLosesGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, f := alwaysContended()
		begun, decisions := time.Now(), 0
		err := db.modify(t.Context(), key{"p", "s"}, true, func(met item) (item, error) {
			if decisions++; decisions == 1 != (met == nil) {
				t.Errorf("decision %d is on %v, want the first on nothing, the others on the item", decisions, met)
			}
			return item{}, nil
		})
		if puts := len(f.requests("PutItem")); !IsUnavailable(err) || decisions != maxDecisions || puts != maxDecisions {
			t.Errorf("modify that always loses = %v after %d decisions and %d writes, want a busy item after %d", err, decisions, puts, maxDecisions)
		}
		if reads := len(f.requests("GetItem")); reads != maxDecisions-2 {
			t.Errorf("the item was read %d times, want each time but the first two: the refusal brings it", reads)
		}
		if took := time.Since(begun); took > maxDecisions*longestRest {
			t.Errorf("it took %v, want no rest longer than %v", took, longestRest)
		}
	})
}

func TestAWriterThatLosesEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, _ := alwaysContended()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := db.modify(ctx, key{"p", "s"}, false, func(item) (item, error) { return item{}, nil })
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("modify for a second that always loses = %v, want the deadline exceeded", err)
		}
	})
}

func TestADecisionNotToWriteWritesNothing(t *testing.T) {
	f := newFaults()
	db := open(t, newClock().now, f.between)
	for _, fresh := range []bool{true, false} {
		refusal := errors.New("no")
		if err := db.modify(t.Context(), key{"p", "s"}, fresh, func(item) (item, error) { return nil, nil }); err != nil {
			t.Errorf("modify without a decision = %v, want nil", err)
		}
		if err := db.modify(t.Context(), key{"p", "s"}, fresh, func(item) (item, error) { return item{}, refusal }); !errors.Is(err, refusal) {
			t.Errorf("modify = %v, want the decision's error", err)
		}
	}
	if puts := f.requests("PutItem"); len(puts) > 0 {
		t.Errorf("something was written: %v", puts)
	}
}
