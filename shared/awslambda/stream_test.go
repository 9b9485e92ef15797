package awslambda_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hermod/shared/awslambda"
)

// change is a record of a stream; image is its new one, empty for none.
type change struct{ name, number, image string }

func streamEvent(changes ...change) []byte {
	records := make([]string, len(changes))
	for i, c := range changes {
		image := ""
		if c.image != "" {
			image = `"NewImage":` + c.image + `,`
		}
		records[i] = fmt.Sprintf(`{"eventName":%q,"dynamodb":{"Keys":{},%s"OldImage":{},"SequenceNumber":%q}}`, c.name, image, c.number)
	}
	return []byte(`{"Records":[` + strings.Join(records, ",") + `]}`)
}

var errAgain = errors.New("the store is out of reach")

// failing returns a handler that fails the images of these numbers.
func failing(failed ...int) func(context.Context, []json.RawMessage) []error {
	return func(_ context.Context, images []json.RawMessage) []error {
		errs := make([]error, len(images))
		for i, image := range images {
			var n int
			if err := json.Unmarshal(image, &n); err != nil || slices.Contains(failed, n) {
				errs[i] = errAgain
			}
		}
		return errs
	}
}

func TestTheLowestNumberThatFailedIsReported(t *testing.T) {
	const huge, huger = "9999999999999999999999999999999999999998", "9999999999999999999999999999999999999999"
	tests := []struct {
		name    string
		numbers []string // of the records 0, 1, 2 …
		failed  []int
		want    []string
	}{
		{"none", []string{"1", "2", "3"}, nil, nil},
		{"the last", []string{"1", "2", "3"}, []int{2}, []string{"3"}},
		{"two", []string{"1", "2", "3"}, []int{1, 2}, []string{"2"}},
		{"all", []string{"1", "2", "3"}, []int{0, 1, 2}, []string{"1"}},
		{"numbers, not texts", []string{"9", "10", "100"}, []int{0, 1, 2}, []string{"9"}},
		{"records out of order", []string{"100", "10", "9"}, []int{0, 1}, []string{"10"}},
		{"21 digits", []string{"100000000000000000002", "99999999999999999999"}, []int{0, 1}, []string{"99999999999999999999"}},
		{"40 digits", []string{huger, huge}, []int{0, 1}, []string{huge}},
		{"leading zeros", []string{"0000000000000000000010", "9"}, []int{0, 1}, []string{"9"}},
		{"a zero", []string{"1", "000"}, []int{0, 1}, []string{"000"}},
	}
	for _, test := range tests {
		var changes []change
		for i, number := range test.numbers {
			changes = append(changes, change{"MODIFY", number, fmt.Sprint(i)})
		}
		answer, err := awslambda.Stream{Handle: failing(test.failed...)}.Invoke(t.Context(), streamEvent(changes...))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if got := failures(t, answer); !slices.Equal(got, test.want) {
			t.Errorf("%s: reported %q, want %q", test.name, got, test.want)
		}
	}
}

func TestImagesComeInTheStreamsOrderAndRemovalsPass(t *testing.T) {
	var got []string
	s := awslambda.Stream{Handle: func(_ context.Context, images []json.RawMessage) []error {
		for _, image := range images {
			got = append(got, string(image))
		}
		return make([]error, len(images))
	}}
	const wire = `{"pk":{"S":"J#1"}, "n":{"N":"1.0"}, "b":{"B":"AA=="}}`
	_, err := s.Invoke(t.Context(), streamEvent(
		change{"INSERT", "5", `{"pk":{"S":"J#2"}}`}, change{"REMOVE", "6", ""}, change{"MODIFY", "7", wire}, change{"MODIFY", "8", ""},
		change{"REMOVE", "9", `{"pk":{"S":"J#3"}}`}, change{"INSERT", "10", "null"}, change{"INSERT", "11", "{}"}))
	if want := []string{`{"pk":{"S":"J#2"}}`, wire, "{}"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("the images are %q, %v, want %q as they are on the wire", got, err, want)
	}
}

func TestABatchOfRemovalsIsNotHandled(t *testing.T) {
	s := awslambda.Stream{Handle: func(context.Context, []json.RawMessage) []error { t.Error("it is handled"); return nil }}
	for _, event := range [][]byte{streamEvent(), streamEvent(change{"REMOVE", "6", ""})} {
		if answer, err := s.Invoke(t.Context(), event); err != nil || failures(t, answer) != nil {
			t.Errorf("Invoke of %s = %s, %v, want nothing reported", event, answer, err)
		}
	}
}

func TestAHandlerThatPanicsOrMiscountsMakesAllComeAgain(t *testing.T) {
	event := streamEvent(change{"REMOVE", "1", ""}, change{"INSERT", "10", "0"}, change{"INSERT", "9", "1"})
	for name, handle := range map[string]func(context.Context, []json.RawMessage) []error{
		"panics":         func(context.Context, []json.RawMessage) []error { panic("a bug") },
		"returns none":   func(context.Context, []json.RawMessage) []error { return nil },
		"returns others": func(context.Context, []json.RawMessage) []error { return make([]error, 3) },
	} {
		answer, err := awslambda.Stream{Handle: handle, Logger: quiet()}.Invoke(t.Context(), event)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := failures(t, answer); !slices.Equal(got, []string{"9"}) {
			t.Errorf("when the handler %s, reported %q, want the lowest number", name, got)
		}
	}
}

func TestAnUnreadableStreamIsAnErrorAndNothingIsHandled(t *testing.T) {
	s := awslambda.Stream{Handle: func(context.Context, []json.RawMessage) []error { t.Error("it is handled"); return nil }}
	for _, event := range [][]byte{
		nil, []byte("no JSON"), []byte(`{"Records":{}}`), []byte(`{"Records":[{"dynamodb":{"NewImage":{}}}]}`),
		streamEvent(change{"INSERT", "1", "0"}, change{"INSERT", "", "1"}), streamEvent(change{"INSERT", "-1", "0"}), streamEvent(change{"REMOVE", "1e3", ""}),
	} {
		if answer, err := s.Invoke(t.Context(), event); err == nil {
			t.Errorf("Invoke of %s = %s, want an error", event, answer)
		}
	}
}

func TestAStreamsBatchEndsASecondBeforeTheFunction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		s := awslambda.Stream{Handle: func(ctx context.Context, images []json.RawMessage) []error {
			<-ctx.Done()
			return []error{ctx.Err()}
		}}
		answer, err := s.Invoke(ctx, streamEvent(change{"INSERT", "7", "0"}))
		if took := time.Since(began); err != nil || took != 29*time.Second || !slices.Equal(failures(t, answer), []string{"7"}) {
			t.Errorf("after %v: %s, %v; want the record reported after 29s", took, answer, err)
		}
	})
}

func TestAChangeThatLeavesAloneWhatIsWorkedOnPasses(t *testing.T) {
	event := []byte(`{"Records":[
		{"eventName":"MODIFY","dynamodb":{"OldImage":{"n":1},"NewImage":{"n":1},"SequenceNumber":"1"}},
		{"eventName":"MODIFY","dynamodb":{"OldImage":{"n":1},"NewImage":{"n":2},"SequenceNumber":"2"}},
		{"eventName":"INSERT","dynamodb":{"NewImage":{"n":2},"SequenceNumber":"3"}}]}`)
	var got []string
	s := awslambda.Stream{
		Handle: func(_ context.Context, images []json.RawMessage) []error {
			for _, image := range images {
				got = append(got, string(image))
			}
			return make([]error, len(images))
		},
		Same: func(before, after json.RawMessage) bool { return string(before) == string(after) },
	}
	if _, err := s.Invoke(t.Context(), event); err != nil || !slices.Equal(got, []string{`{"n":2}`, `{"n":2}`}) {
		t.Errorf("Invoke = %v with the images %v, want those of the change and of the new item", err, got)
	}
}

func TestChangesHaveTheImagesBeforeAndAfter(t *testing.T) {
	event := []byte(`{"Records":[
		{"eventName":"MODIFY","dynamodb":{"OldImage":{"n":1},"NewImage":{"n":1},"SequenceNumber":"1"}},
		{"eventName":"REMOVE","dynamodb":{"OldImage":{"n":1},"SequenceNumber":"2"}},
		{"eventName":"INSERT","dynamodb":{"NewImage":{"n":2},"SequenceNumber":"3"}},
		{"eventName":"INSERT","dynamodb":{"OldImage":null,"NewImage":{"n":3},"SequenceNumber":"4"}}]}`)
	var before, after []string
	c := awslambda.Changes{Handle: func(_ context.Context, old, new []json.RawMessage) []error {
		for i := range new {
			before, after = append(before, string(old[i])), append(after, string(new[i]))
		}
		return []error{nil, errAgain, nil}
	}}
	answer, err := c.Invoke(t.Context(), event)
	if err != nil || !slices.Equal(before, []string{`{"n":1}`, "", ""}) || !slices.Equal(after, []string{`{"n":1}`, `{"n":2}`, `{"n":3}`}) {
		t.Errorf("Invoke = %v, before %q and after %q; want each change that is no removal", err, before, after)
	}
	if got := failures(t, answer); !slices.Equal(got, []string{"3"}) {
		t.Errorf("reported %q, want the number of the change that failed", got)
	}
	c = awslambda.Changes{Logger: quiet(), Handle: func(context.Context, []json.RawMessage, []json.RawMessage) []error { panic("a bug") }}
	if answer, err = c.Invoke(t.Context(), event); err != nil || !slices.Equal(failures(t, answer), []string{"1"}) {
		t.Errorf("a handler that panics = %s, %v, want the first reported", answer, err)
	}
}
