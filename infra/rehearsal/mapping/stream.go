package mapping

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"time"

	"hermod/infra/rehearsal/wire"
	"hermod/infra/template"
)

const (
	// pollTime is how long a shard that had nothing new is left alone: Lambda polls four times a second.
	pollTime = 250 * time.Millisecond
	// recordsAtOnce is the most that a request for records gives.
	recordsAtOnce = 1000
	// firstRetry and lastRetry are the pauses before a batch that failed is tried again; each is twice the one before.
	firstRetry, lastRetry = 200 * time.Millisecond, 30 * time.Second
)

// Stream reads a table's stream for a function.
type Stream struct {
	template.StreamMapping
	Source   string      // ARN that the function is told
	Engine   string      // ARN that the engine knows
	Function string      // ARN
	Client   wire.Client // in the name of the function
	Invoke   func(event []byte) ([]byte, error)
	Report   func(report []byte) error // takes what is to be said of records given up; nil: nobody is told
	Logger   *slog.Logger
}

// record is a record of the stream.
type record struct {
	raw   json.RawMessage // in an event
	id    string          // sequence number
	shard string
	key   string // what is in order with what
	at    time.Time
}

// Check says what is wrong with the mapping.
func (s Stream) Check() error {
	_, err := s.filters()
	return err
}

// Run reads until ctx ends. What was read and not passed by then is read again by the next Run. Errors: those of Check; a stream
// that cannot be described.
func (s Stream) Run(ctx context.Context) error {
	filters, err := s.filters()
	if err != nil {
		return err
	}
	shards, err := s.shards(ctx)
	if err != nil {
		return err
	}
	var readers sync.WaitGroup
	for _, shard := range shards {
		readers.Go(func() { s.read(ctx, shard, filters) })
	}
	readers.Wait()
	return nil
}

func (s Stream) filters() ([]pattern, error) {
	var list []pattern
	for _, text := range s.Filters {
		p, err := parsePattern(text)
		if err != nil {
			return nil, fmt.Errorf("mapping %s: %w", s.ID, err)
		}
		list = append(list, p)
	}
	return list, nil
}

// shards also lists the streams, for which Lambda wants a grant.
func (s Stream) shards(ctx context.Context) ([]string, error) {
	if err := s.Client.Call(ctx, "DynamoDBStreams_20120810.ListStreams", map[string]any{}, nil); err != nil {
		return nil, err
	}
	var described struct {
		StreamDescription struct{ Shards []struct{ ShardId string } }
	}
	if err := s.Client.Call(ctx, "DynamoDBStreams_20120810.DescribeStream", map[string]any{"StreamArn": s.Engine}, &described); err != nil {
		return nil, err
	}
	var list []string
	for _, shard := range described.StreamDescription.Shards {
		list = append(list, shard.ShardId)
	}
	return list, nil
}

// read reads a shard to its end and hands its records to lanes: what has one key stays in one lane, in order.
func (s Stream) read(ctx context.Context, shard string, filters []pattern) {
	lanes := make([]chan record, max(s.Parallel, 1))
	var working sync.WaitGroup
	for i := range lanes {
		lanes[i] = make(chan record, s.BatchSize)
		working.Go(func() { s.lane(ctx, lanes[i]) })
	}
	defer working.Wait()
	iterator := s.iterator(ctx, shard)
	for iterator != "" && ctx.Err() == nil {
		page, err := s.page(ctx, shard, iterator, filters)
		if err != nil {
			if ctx.Err() == nil {
				s.Logger.Error("stream not readable", "mapping", s.ID, "error", err.Error())
			}
			pause(ctx, faultPause)
			continue
		}
		for _, r := range page.records {
			select {
			case lanes[laneOf(r.key, len(lanes))] <- r:
			case <-ctx.Done():
			}
		}
		if iterator = page.next; page.read == 0 {
			pause(ctx, pollTime)
		}
	}
	for _, l := range lanes {
		close(l)
	}
}

// iterator asks until it gets one.
func (s Stream) iterator(ctx context.Context, shard string) string {
	var got struct{ ShardIterator string }
	for ctx.Err() == nil {
		err := s.Client.Call(ctx, "DynamoDBStreams_20120810.GetShardIterator", map[string]any{"StreamArn": s.Engine, "ShardId": shard, "ShardIteratorType": s.Start}, &got)
		if err == nil {
			return got.ShardIterator
		}
		s.Logger.Error("stream not readable", "mapping", s.ID, "error", err.Error())
		pause(ctx, faultPause)
	}
	return ""
}

// page is what a request for records gave.
type page struct {
	read    int      // how many there were
	records []record // those that the function is to see
	next    string   // where to go on: nowhere when the shard is closed, which dynoxide says by nothing else
}

func (s Stream) page(ctx context.Context, shard, iterator string, filters []pattern) (page, error) {
	var got struct {
		Records           []map[string]any
		NextShardIterator string
	}
	err := s.Client.Call(ctx, "DynamoDBStreams_20120810.GetRecords", map[string]any{"ShardIterator": iterator, "Limit": recordsAtOnce}, &got)
	if err != nil {
		return page{}, err
	}
	p := page{read: len(got.Records), next: got.NextShardIterator}
	for _, event := range got.Records {
		event["eventSourceARN"], event["awsRegion"] = s.Source, template.Region
		if !seen(event, filters) {
			continue
		}
		r, err := newRecord(event, shard)
		if err != nil {
			return page{}, err
		}
		p.records = append(p.records, r)
	}
	return p, nil
}

// seen reports whether a function is to see a record: it passes one of the filters, if there are any, and is of a write that
// changed something, which on AWS all are.
func seen(event map[string]any, filters []pattern) bool {
	change, _ := event["dynamodb"].(map[string]any)
	if event["eventName"] == "MODIFY" && change["OldImage"] != nil && reflect.DeepEqual(change["OldImage"], change["NewImage"]) {
		return false
	}
	return len(filters) == 0 || slices.ContainsFunc(filters, func(p pattern) bool { return p.matches(event) })
}

func newRecord(event map[string]any, shard string) (record, error) {
	raw, err := json.Marshal(event)
	if err != nil {
		return record{}, err
	}
	change, _ := event["dynamodb"].(map[string]any)
	keys, err := json.Marshal(change["Keys"])
	if err != nil {
		return record{}, err
	}
	id, _ := change["SequenceNumber"].(string)
	seconds, _ := change["ApproximateCreationDateTime"].(float64)
	if id == "" {
		return record{}, fmt.Errorf("a record of shard %s has no sequence number: %s", shard, raw)
	}
	return record{raw: raw, id: id, shard: shard, key: string(keys), at: time.UnixMilli(int64(seconds * 1000))}, nil
}

func laneOf(key string, lanes int) int {
	h := fnv.New32a()
	h.Write([]byte(key))
	return int(h.Sum32() % uint32(lanes))
}

// lane passes records on, one batch at a time.
func (s Stream) lane(ctx context.Context, in <-chan record) {
	for {
		batch := s.gather(in)
		if len(batch) == 0 {
			return
		}
		s.pass(ctx, batch, 0)
	}
}

// gather waits for a record and takes what else is there, or with a window what comes until it is over, up to a full batch.
func (s Stream) gather(in <-chan record) []record {
	first, ok := <-in
	if !ok {
		return nil
	}
	batch, window := []record{first}, time.After(s.Window)
	for len(batch) < s.BatchSize {
		r, ok := another(in, window)
		if !ok {
			break
		}
		batch = append(batch, r)
	}
	return batch
}

// another returns the next record, if there is one or one comes before the window is over.
func another(in <-chan record, window <-chan time.Time) (r record, ok bool) {
	select {
	case r, ok = <-in:
		return r, ok
	default:
	}
	select {
	case r, ok = <-in:
	case <-window:
	}
	return r, ok
}
