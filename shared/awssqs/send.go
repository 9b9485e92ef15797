package awssqs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"hermod/shared/delivery"
)

const (
	maxBatchBytes = 256 << 10 // of the bodies of one request
	sendsAtOnce   = 8         // requests of one Send
)

type entry = types.SendMessageBatchRequestEntry

// Send sends parcels, in as few requests as will do. A parcel that SQS would not take fails alone.
func (q *Queue) Send(ctx context.Context, lane delivery.Lane, parcels ...delivery.Parcel) error {
	var failed failures
	var entries []entry
	for i, p := range parcels {
		e, err := q.entry(lane, i, p)
		if err != nil {
			failed.add(i, err)
			continue
		}
		entries = append(entries, e)
	}
	var sends sync.WaitGroup
	turn := make(chan struct{}, sendsAtOnce)
	for batch := range batches(entries) {
		turn <- struct{}{}
		sends.Go(func() {
			q.sendBatch(ctx, lane, batch, &failed)
			<-turn
		})
	}
	sends.Wait()
	return failed.err()
}

// entry returns the parcel as SQS takes it. Its id is the parcel's index.
func (q *Queue) entry(lane delivery.Lane, index int, p delivery.Parcel) (e entry, err error) {
	if lane.Letters() == "" {
		return e, fmt.Errorf("nothing is sent to the lane %q: it holds letters, or there is none", lane)
	}
	if p.Delay < 0 || p.Delay > delivery.MaxDelay {
		return e, fmt.Errorf("a delay of %v; from 0 to %v is allowed", p.Delay, delivery.MaxDelay)
	}
	body, err := text(p.Body)
	if err != nil {
		return e, err
	}
	if len(body) > delivery.MaxBody {
		return e, fmt.Errorf("a message of %d bytes; at most %d are allowed", len(body), delivery.MaxBody)
	}
	e = entry{Id: aws.String(strconv.Itoa(index)), MessageBody: &body, DelaySeconds: seconds(p.Delay)}
	if p.Group != "" {
		e.MessageGroupId = &p.Group
	}
	return e, nil
}

// text returns a body as SQS takes it, or says what SQS would refuse.
func text(body []byte) (string, error) {
	if len(body) == 0 {
		return "", errors.New("a message without a body")
	}
	if !utf8.Valid(body) {
		return "", errors.New("a message that is not UTF-8")
	}
	s := string(body)
	if i := strings.IndexFunc(s, func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' && r != '\r' }); i >= 0 {
		return "", fmt.Errorf("a message with the character %U, which SQS refuses", s[i])
	}
	if strings.ContainsAny(s, "\uFFFE\uFFFF") {
		if !json.Valid(body) {
			return "", errors.New("a message with the character U+FFFE or U+FFFF, which SQS refuses, and not JSON, where it can be escaped")
		}
		s = strings.NewReplacer("\uFFFE", `\ufffe`, "\uFFFF", `\uffff`).Replace(s)
	}
	return s, nil
}

// batches cuts entries into what one request takes.
func batches(entries []entry) iter.Seq[[]entry] {
	return func(yield func([]entry) bool) {
		for len(entries) > 0 {
			n, bytes := 1, len(*entries[0].MessageBody)
			for n < min(maxBatch, len(entries)) && bytes+len(*entries[n].MessageBody) <= maxBatchBytes {
				bytes += len(*entries[n].MessageBody)
				n++
			}
			if !yield(entries[:n]) {
				return
			}
			entries = entries[n:]
		}
	}
}

// sendBatch makes one request. What the answer does not call successful has failed.
func (q *Queue) sendBatch(ctx context.Context, lane delivery.Lane, batch []entry, failed *failures) {
	why := map[string]error{}
	sent := map[string]bool{}
	url, err := q.url(lane)
	if err == nil {
		var out *sqs.SendMessageBatchOutput
		if out, err = q.client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: url, Entries: batch}); err == nil {
			for _, s := range out.Successful {
				sent[aws.ToString(s.Id)] = true
			}
			for _, f := range out.Failed {
				why[aws.ToString(f.Id)] = entryError(f)
			}
		}
	}
	for _, e := range batch {
		if sent[*e.Id] {
			continue
		}
		index, _ := strconv.Atoi(*e.Id)
		failed.add(index, fmt.Errorf("send to %s: %w", lane, firstOf(err, why[*e.Id], errUnanswered)))
	}
}

var errUnanswered = errors.New("SQS does not say what became of the message")

func firstOf(errs ...error) error {
	return errs[slices.IndexFunc(errs, func(err error) bool { return err != nil })]
}

// failures are the parcels that were not sent, by index. It is safe for concurrent use.
type failures struct {
	mu  sync.Mutex
	why map[int]error
}

func (f *failures) add(index int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.why == nil {
		f.why = map[int]error{}
	}
	f.why[index] = err
}

func (f *failures) err() error {
	if len(f.why) == 0 {
		return nil
	}
	indexes := slices.Sorted(maps.Keys(f.why))
	return &delivery.SendError{Failed: indexes, Err: f.why[indexes[0]]}
}
