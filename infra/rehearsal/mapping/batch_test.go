package mapping

import (
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"hermod/infra/template"
)

// given is a stream mapping whose function is a Go function over the names of the records in a batch, such as "a b". It notes
// the batches that the function got and the reports of what was given up.
type given struct {
	Stream
	batches []string
	reports []map[string]any
}

func (g *given) pass(t *testing.T, names string, m template.StreamMapping, answer func(batch string) (string, error)) {
	t.Helper()
	g.StreamMapping, g.Logger, g.Source, g.Function = m, slog.New(slog.DiscardHandler), "arn:stream", "arn:function"
	g.Invoke = func(event []byte) ([]byte, error) {
		var e struct{ Records []string }
		if err := json.Unmarshal(event, &e); err != nil {
			t.Fatal(err)
		}
		batch := strings.Join(e.Records, " ")
		g.batches = append(g.batches, batch)
		said, err := answer(batch)
		return []byte(said), err
	}
	g.Report = func(raw []byte) error {
		var r map[string]any
		g.reports = append(g.reports, nil)
		err := json.Unmarshal(raw, &r)
		g.reports[len(g.reports)-1] = r
		return err
	}
	var batch []record
	for _, name := range strings.Fields(names) {
		batch = append(batch, record{raw: json.RawMessage(`"` + name + `"`), id: name, shard: "shard-1", at: time.Now()})
	}
	g.Stream.pass(t.Context(), batch, 0)
}

// given up is which records the reports name, and why.
func (g *given) givenUp() []string {
	var list []string
	for _, r := range g.reports {
		info, context := r["DDBStreamBatchInfo"].(map[string]any), r["requestContext"].(map[string]any)
		list = append(list, info["startSequenceNumber"].(string)+"-"+info["endSequenceNumber"].(string)+" "+context["condition"].(string))
	}
	return list
}

func TestWhatBecomesOfABatch(t *testing.T) {
	failing := func(name string) func(string) (string, error) {
		return func(batch string) (string, error) {
			if slices.Contains(strings.Fields(batch), name) {
				return "", errors.New("as told")
			}
			return "", nil
		}
	}
	reporting := func(name string) func(string) (string, error) {
		return func(batch string) (string, error) {
			if slices.Contains(strings.Fields(batch), name) {
				return `{"batchItemFailures":[{"itemIdentifier":"` + name + `"}]}`, nil
			}
			return "", nil
		}
	}
	tests := []struct {
		name    string
		mapping template.StreamMapping
		answer  func(string) (string, error)
		batches []string
		givenUp []string
	}{
		{
			"all passed", template.StreamMapping{MaxRetries: 1, PartialFailures: true, Bisect: true},
			reporting("none"), []string{"a b c d"}, nil,
		},
		{
			"a function that fails gets all again", template.StreamMapping{MaxRetries: 2},
			failing("c"), []string{"a b c d", "a b c d", "a b c d"}, []string{"a-d RetryAttemptsExhausted"},
		},
		{
			"bisected down to the record that fails, which costs no retry", template.StreamMapping{MaxRetries: 1, Bisect: true},
			failing("c"), []string{"a b c d", "a b", "c d", "c", "c", "d"}, []string{"c-c RetryAttemptsExhausted"},
		},
		{
			"begun again where the function reported a failure", template.StreamMapping{MaxRetries: 2, PartialFailures: true, Bisect: true},
			reporting("c"), []string{"a b c d", "c d", "c d"}, []string{"c-d RetryAttemptsExhausted"},
		},
		{
			"an answer that names no record fails the whole batch", template.StreamMapping{MaxRetries: 0, PartialFailures: true},
			func(string) (string, error) { return `{"batchItemFailures":[{"itemIdentifier":"z"}]}`, nil }, []string{"a b c d"}, []string{"a-d RetryAttemptsExhausted"},
		},
		{
			"what is reported is ignored without ReportBatchItemFailures", template.StreamMapping{MaxRetries: 1},
			reporting("c"), []string{"a b c d"}, nil,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var g given
				g.pass(t, "a b c d", tt.mapping, tt.answer)
				if diff := cmp.Diff(tt.batches, g.batches); diff != "" {
					t.Errorf("batches (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(tt.givenUp, g.givenUp()); diff != "" {
					t.Errorf("given up (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestAFailureThatPassesIsTriedUntilItDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g given
		begun := time.Now()
		g.pass(t, "a b", template.StreamMapping{MaxRetries: -1}, func(string) (string, error) {
			if len(g.batches) <= 50 {
				return "", errors.New("down")
			}
			return "", nil
		})
		if len(g.batches) != 51 || len(g.reports) != 0 {
			t.Errorf("after %d calls %d reports, want 51 and none", len(g.batches), len(g.reports))
		}
		if took := time.Since(begun); took < 10*time.Minute {
			t.Errorf("50 retries took %v, want pauses that grow", took)
		}
	})
}

func TestRecordsThatGrowTooOldAreGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g given
		g.pass(t, "a b", template.StreamMapping{MaxRetries: -1, MaxAge: time.Minute}, func(string) (string, error) { return "", errors.New("down") })
		if diff := cmp.Diff([]string{"a-b RecordAgeExceeded"}, g.givenUp()); diff != "" {
			t.Errorf("given up (-want +got):\n%s", diff)
		}
	})
}

func TestAReportTellsWhichRecordsNotWhatIsInThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g given
		g.pass(t, "a b", template.StreamMapping{}, func(string) (string, error) { return "", errors.New("down") })
		now := time.Now().UTC()
		want := map[string]any{
			"requestContext":  map[string]any{"functionArn": "arn:function", "condition": "RetryAttemptsExhausted", "approximateInvokeCount": 1.0},
			"responseContext": map[string]any{"statusCode": 200.0, "executedVersion": "$LATEST", "functionError": "Unhandled"},
			"version":         "1.0",
			"timestamp":       now.Format("2006-01-02T15:04:05.000Z"),
			"DDBStreamBatchInfo": map[string]any{
				"shardId": "shard-1", "startSequenceNumber": "a", "endSequenceNumber": "b", "batchSize": 2.0, "streamArn": "arn:stream",
				"approximateArrivalOfFirstRecord": now.Format(time.RFC3339), "approximateArrivalOfLastRecord": now.Format(time.RFC3339),
			},
		}
		got := g.reports[0]
		delete(got["requestContext"].(map[string]any), "requestId")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("report (-want +got):\n%s", diff)
		}
	})
}

func TestGatherFillsABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := make(chan record, 10)
		s := Stream{StreamMapping: template.StreamMapping{BatchSize: 3}}
		for range 5 {
			in <- record{}
		}
		if a, b := len(s.gather(in)), len(s.gather(in)); a != 3 || b != 2 {
			t.Errorf("five records make batches of %d and %d, want 3 and 2", a, b)
		}
		s.Window = time.Second
		go func() {
			for range 3 {
				<-time.After(400 * time.Millisecond)
				in <- record{}
			}
			close(in)
		}()
		begun := time.Now()
		if n, took := len(s.gather(in)), time.Since(begun); n != 3 || took != 1200*time.Millisecond {
			t.Errorf("a window of 1 s gathers %d of three records in %v, want all, since it begins with the first", n, took)
		}
		if batch := s.gather(in); batch != nil {
			t.Errorf("after the end a batch of %d, want none", len(batch))
		}
	})
}
