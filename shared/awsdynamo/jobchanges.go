package awsdynamo

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"hermod/shared/job"
)

// Letters for the words of which a job's changes consist: each change of a job is paid by the kilobyte that the job has after it. A
// word that has no letter is kept as it is.
var (
	statusLetters = letters[job.Status]{
		job.Pending: "p", job.Running: "r", job.Finished: "f", job.Warning: "w", job.Shutdown: "s", job.Paused: "h", job.Stopped: "x",
	}
	eventLetters = letters[job.EventType]{
		job.EventCreated: "c", job.EventSucceeded: "s", job.EventFailed: "f", job.EventRequested: "r", job.EventPaused: "h", job.EventStopped: "x",
	}
	causeLetters = letters[job.Cause]{job.CauseLaunched: "l", job.CauseRetried: "r"}
)

type letters[Word ~string] map[Word]string

func (l letters[Word]) short(w Word) string {
	if s, ok := l[w]; ok {
		return s
	}
	return string(w)
}

func (l letters[Word]) long(s string) Word {
	for w, letter := range l {
		if letter == s {
			return w
		}
	}
	return Word(s)
}

// changeDoc is a change as JSON: [version, milliseconds since the change before it, status, event, cause, number of its error]. What
// is empty at the end is left out. The first one's milliseconds are since 1970.
type changeDoc struct {
	version, after       int64
	status, event, cause string
	err                  int
}

func (d changeDoc) MarshalJSON() ([]byte, error) {
	fields := []any{d.version, d.after, d.status, d.event, d.cause, d.err}
	for n := len(fields) - 1; fields[n] == "" || fields[n] == 0; n-- {
		fields = fields[:n]
	}
	return json.Marshal(fields)
}

func (d *changeDoc) UnmarshalJSON(b []byte) error {
	fields := []any{&d.version, &d.after, &d.status, &d.event, &d.cause, &d.err}
	return json.Unmarshal(b, &fields)
}

// changesText is a job's changes as they are kept; their errors are added to es.
func changesText(changes []job.Change, es *errorList) string {
	docs := make([]changeDoc, len(changes))
	last := int64(0)
	for i, c := range changes {
		at := c.At.UnixMilli()
		docs[i] = changeDoc{
			version: int64(c.Version), after: at - last, status: statusLetters.short(c.Status), event: eventLetters.short(c.Event),
			cause: causeLetters.short(c.Cause), err: es.add(c.Error),
		}
		last = at
	}
	b, err := json.Marshal(docs)
	if err != nil {
		panic(fmt.Sprintf("awsdynamo: encode changes: %v", err)) // they are numbers and texts
	}
	return string(b)
}

// changesOf reads a job's changes.
func changesOf(i item, es errorList) ([]job.Change, error) {
	var docs []changeDoc
	if err := i.json("ch", &docs); err != nil {
		return nil, err
	}
	changes := make([]job.Change, len(docs))
	at := int64(0)
	for n, d := range docs {
		at += d.after
		changes[n] = job.Change{
			Version: int(d.version), Status: statusLetters.long(d.status), Event: eventLetters.long(d.event), Cause: causeLetters.long(d.cause),
			Error: es.at(d.err), At: time.UnixMilli(at).UTC(),
		}
	}
	return changes, nil
}

// errorList are the different errors of a job and its changes: a job that is retried often fails the same way. An error's number is
// its place, from 1; 0 is none.
type errorList []string

func (l *errorList) add(s string) int {
	if s == "" {
		return 0
	}
	if n := slices.Index(*l, s); n >= 0 {
		return n + 1
	}
	*l = append(*l, s)
	return len(*l)
}

func (l errorList) at(n int) string {
	if n < 1 || n > len(l) {
		return ""
	}
	return l[n-1]
}

func (l errorList) value() types.AttributeValue {
	list := make([]types.AttributeValue, len(l))
	for i, s := range l {
		list[i] = text(s)
	}
	return &types.AttributeValueMemberL{Value: list}
}

func errorsOf(i item) (l errorList) {
	for _, v := range i.list("es") {
		if s, ok := v.(*types.AttributeValueMemberS); ok {
			l = append(l, s.Value)
		}
	}
	return l
}

// totalsText is [running, succeeded, failed, outputs], or nothing where there are none. Their clock, which writes are conditional on, is
// an attribute of its own.
func totalsText(t job.Totals) string {
	t.Clock = 0
	if t == (job.Totals{}) {
		return ""
	}
	return fmt.Sprintf("[%d,%d,%d,%d]", t.Running, t.Succeeded, t.Failed, t.Outputs)
}

func totalsOf(i item) (job.Totals, error) {
	var n [4]int
	err := i.json("tt", &n)
	return job.Totals{Running: n[0], Succeeded: n[1], Failed: n[2], Outputs: n[3], Clock: i.int("tc")}, err
}
