package awslambda_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"hermod/shared/awslambda"
	"hermod/shared/delivery"
)

// seed adds the events of a kind to a fuzz target's corpus.
func seed(f *testing.F, pattern string) {
	f.Helper()
	paths, err := filepath.Glob(filepath.Join(eventFolder, pattern))
	if err != nil || len(paths) == 0 {
		f.Fatalf("no events like %s: %v", pattern, err)
	}
	for _, path := range paths {
		f.Add(readFile(f, path))
	}
}

func FuzzHTTP(f *testing.F) {
	seed(f, "http-*.json")
	f.Add([]byte(`{"version":"2.0"}`))
	mux := http.NewServeMux()
	echo := func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/") {
			f.Errorf("the path %q has no slash before it", r.URL.Path)
		}
		w.Header().Set("X-Path", r.PathValue("uid"))
		io.Copy(w, r.Body)
	}
	mux.HandleFunc("GET /v3/jobs/{uid}", echo)
	mux.HandleFunc("/", echo)
	h := awslambda.HTTP(mux)
	f.Fuzz(func(t *testing.T, event []byte) {
		raw, err := h.Invoke(t.Context(), event)
		if err != nil {
			return
		}
		var a httpAnswer
		if err := json.Unmarshal(raw, &a); err != nil || a.Status < 200 {
			t.Errorf("the answer is %s (%v)", raw, err)
		}
	})
}

// Whatever the batch: either nothing was attempted, or every message is acknowledged or reported, and only one that is
// acknowledged is not reported.
func FuzzBatch(f *testing.F) {
	seed(f, "sqs-*.json")
	f.Add([]byte(`{"Records":[{"messageId":"a","eventSourceARN":"first","attributes":{"ApproximateReceiveCount":"-1","SentTimestamp":"9223372036854775807"}}]}`))
	f.Fuzz(func(t *testing.T, event []byte) {
		var mu sync.Mutex
		handled, acknowledged := 0, 0
		b := awslambda.Batch{Queue: &hidingQueue{}, Lane: laneOf, Logger: quiet(), Handle: func(_ context.Context, r delivery.Receipt) delivery.Verdict {
			mu.Lock()
			defer mu.Unlock()
			handled++
			switch len(r.Body) % 3 {
			case 0:
				return delivery.HandedBack(r.Receives)
			case 1:
				panic("a bug")
			}
			acknowledged++
			return delivery.Acknowledged()
		}}
		raw, err := b.Invoke(t.Context(), event)
		if err != nil {
			if handled > 0 {
				t.Errorf("%d messages were handled and then forgotten: %v", handled, err)
			}
			return
		}
		var in struct {
			Records []struct {
				ID string `json:"messageId"`
			} `json:"Records"`
		}
		if err := json.Unmarshal(event, &in); err != nil {
			t.Fatal(err)
		}
		reported := failures(t, raw)
		if len(reported) != len(in.Records)-acknowledged || slices.Contains(reported, "") {
			t.Errorf("of %d messages %d were acknowledged and %q reported", len(in.Records), acknowledged, reported)
		}
	})
}

func FuzzStream(f *testing.F) {
	seed(f, "stream*.json")
	f.Add(streamEvent(change{"INSERT", "010", "1"}, change{"INSERT", "9", "[]"}))
	f.Fuzz(func(t *testing.T, event []byte) {
		handled := 0
		s := awslambda.Stream{Logger: quiet(), Handle: func(_ context.Context, images []json.RawMessage) []error {
			handled = len(images)
			errs := make([]error, len(images))
			for i := range errs {
				errs[i] = errors.New("again")
			}
			return errs
		}}
		raw, err := s.Invoke(t.Context(), event)
		if err != nil {
			if handled > 0 {
				t.Errorf("%d images were handled and then forgotten: %v", handled, err)
			}
			return
		}
		reported := failures(t, raw)
		if len(reported) != min(handled, 1) {
			t.Fatalf("of %d images, all failed, %q is reported", handled, reported)
		}
		if handled == 0 {
			return
		}
		var in struct {
			Records []struct {
				EventName string `json:"eventName"`
				Dynamodb  struct{ SequenceNumber string }
			} `json:"Records"`
		}
		if err := json.Unmarshal(event, &in); err != nil {
			return // the same fields, but names of another case
		}
		known := false
		for _, r := range in.Records {
			known = known || r.Dynamodb.SequenceNumber == reported[0]
		}
		if _, ok := new(big.Int).SetString(reported[0], 10); !ok || !known {
			t.Errorf("%q is reported, which is no number of the batch", reported[0])
		}
	})
}

func FuzzSequenceNumbers(f *testing.F) {
	f.Add("9", "10")
	f.Add("99999999999999999999", "100000000000000000001")
	f.Add("000", "0")
	f.Fuzz(func(t *testing.T, a, b string) {
		first, okA := new(big.Int).SetString(a, 10)
		second, okB := new(big.Int).SetString(b, 10)
		if !okA || !okB || strings.Trim(a+b, "0123456789") != "" {
			return
		}
		answer, err := awslambda.Stream{Handle: failing(0, 1)}.Invoke(t.Context(), streamEvent(change{"INSERT", a, "0"}, change{"INSERT", b, "1"}))
		if err != nil {
			t.Fatal(err)
		}
		want := a
		if second.Cmp(first) < 0 {
			want = b
		}
		if got := failures(t, answer); len(got) != 1 || got[0] != want {
			t.Errorf("of %s and %s, both failed, %q is reported, want %s", a, b, got, want)
		}
	})
}
