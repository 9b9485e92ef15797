package mapping

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"hermod/shared/uid"
)

// Why a batch is given up, as its report says.
const (
	exhausted = "RetryAttemptsExhausted"
	expired   = "RecordAgeExceeded"
)

var errReported = errors.New("the function reports a failure")

// pass calls the function with a batch until it is passed, or given up, or ctx ends. A batch that has failed is tried again from
// the first record that the function reported; where it reported none, and the mapping bisects, each half is passed by itself,
// which costs no retry.
func (s Stream) pass(ctx context.Context, batch []record, retries int) {
	for wait := firstRetry; ctx.Err() == nil; wait = min(2*wait, lastRetry) {
		if batch = s.young(batch, retries); len(batch) == 0 {
			return
		}
		passed, err := s.call(batch)
		if batch = batch[passed:]; len(batch) == 0 {
			return
		}
		s.Logger.Warn("batch failed", "mapping", s.ID, "records", len(batch), "passed", passed, "retries", retries, "error", err.Error())
		if s.Bisect && len(batch) > 1 && !errors.Is(err, errReported) {
			s.pass(ctx, batch[:len(batch)/2], retries)
			s.pass(ctx, batch[len(batch)/2:], retries)
			return
		}
		if retries++; s.MaxRetries >= 0 && retries > s.MaxRetries {
			s.giveUp(batch, retries, exhausted)
			return
		}
		pause(ctx, wait)
	}
}

// call gives the function a batch, and says how many records from the front are passed.
func (s Stream) call(batch []record) (passed int, err error) {
	records, ids := make([]json.RawMessage, len(batch)), make([]string, len(batch))
	for i, r := range batch {
		records[i], ids[i] = r.raw, r.id
	}
	event, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		return 0, err
	}
	answer, err := s.Invoke(event)
	if err != nil || !s.PartialFailures {
		return allIf(err == nil, batch), err
	}
	failed, err := failures(answer, ids)
	if err != nil || len(failed) == 0 {
		return allIf(err == nil, batch), err
	}
	return failed[0], errReported
}

func allIf(ok bool, batch []record) int {
	if ok {
		return len(batch)
	}
	return 0
}

// young gives up the records that are older than the mapping allows, and returns the others.
func (s Stream) young(batch []record, retries int) []record {
	if s.MaxAge <= 0 {
		return batch
	}
	n := 0
	for n < len(batch) && time.Since(batch[n].at) > s.MaxAge {
		n++
	}
	if n > 0 {
		s.giveUp(batch[:n], retries, expired)
	}
	return batch[n:]
}

// giveUp tells the destination which records nobody will see, not what is in them.
func (s Stream) giveUp(batch []record, calls int, condition string) {
	first, last := batch[0], batch[len(batch)-1]
	s.Logger.Error("records given up", "mapping", s.ID, "records", len(batch), "first", first.id, "last", last.id, "condition", condition)
	if s.Report == nil {
		return
	}
	now := time.Now()
	report, err := json.Marshal(map[string]any{
		"requestContext":  map[string]any{"requestId": uid.New(now), "functionArn": s.Function, "condition": condition, "approximateInvokeCount": calls},
		"responseContext": map[string]any{"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
		"version":         "1.0",
		"timestamp":       now.UTC().Format("2006-01-02T15:04:05.000Z"),
		"DDBStreamBatchInfo": map[string]any{
			"shardId": first.shard, "startSequenceNumber": first.id, "endSequenceNumber": last.id, "batchSize": len(batch), "streamArn": s.Source,
			"approximateArrivalOfFirstRecord": first.at.UTC().Format(time.RFC3339), "approximateArrivalOfLastRecord": last.at.UTC().Format(time.RFC3339),
		},
	})
	if err == nil {
		err = s.Report(report)
	}
	if err != nil {
		s.Logger.Error("destination not told", "mapping", s.ID, "error", err.Error())
	}
}
