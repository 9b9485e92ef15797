package mapping

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatCountsAsAFailureOfABatch(t *testing.T) {
	batch := []string{"a", "b", "c"}
	tests := []struct {
		answer string
		want   []int
		whole  bool
	}{
		{``, nil, false},
		{`null`, nil, false},
		{`{}`, nil, false},
		{`{"batchItemFailures":null}`, nil, false},
		{`{"batchItemFailures":[]}`, nil, false},
		{`{"batchItemFailures":[{"itemIdentifier":"b"}]}`, []int{1}, false},
		{`{"batchItemFailures":[{"itemIdentifier":"c"},{"itemIdentifier":"a"},{"itemIdentifier":"c"}]}`, []int{0, 2}, false},
		{`{"batchItemFailures":[{"itemIdentifier":""}]}`, nil, true},
		{`{"batchItemFailures":[{"itemIdentifier":null}]}`, nil, true},
		{`{"batchItemFailures":[{"messageId":"a"}]}`, nil, true},
		{`{"batchItemFailures":[{"itemIdentifier":"d"}]}`, nil, true},
		{`{"batchItemFailures":["a"]}`, nil, true},
		{`{"batchItemFailures":{}}`, nil, true},
		{`"done"`, nil, true},
		{`{"batchItemFailures":[`, nil, true},
	}
	for _, tt := range tests {
		got, err := failures([]byte(tt.answer), batch)
		if (err != nil) != tt.whole || !cmp.Equal(got, tt.want) {
			t.Errorf("failures(%s) = %v, %v, want %v, whole batch %v", tt.answer, got, err, tt.want, tt.whole)
		}
	}
}
