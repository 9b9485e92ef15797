package storetest

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"hermod/shared/delivery"
)

// Log is the suite of delivery.Log.
func Log(t *testing.T, open func(t *testing.T, now func() time.Time) delivery.Log) {
	t.Run("rows", func(t *testing.T) { run(t, open, rowTests) })
	t.Run("step", func(t *testing.T) { run(t, open, stepTests) })
	t.Run("attempts outside the schedule", func(t *testing.T) { run(t, open, outsideTests) })
	t.Run("reopen", func(t *testing.T) { run(t, open, reopenTests) })
	t.Run("due", func(t *testing.T) { run(t, open, dueTests) })
	t.Run("list", func(t *testing.T) { run(t, open, listTests) })
	t.Run("count", func(t *testing.T) { run(t, open, countTests) })
}

var rowTests = []test[delivery.Log]{
	{"rows are read together, without those that are not there", rowsReadTogether},
	{"a row is gone when its time is over", rowExpires},
	{"a row keeps its last attempts and counts them all", rowKeepsLastAttempts},
	{"answers are read by the number of their attempt", answersRead},
	{"answers are gone after their time, the row is not", answersExpire},
}

func rowsReadTogether(t *testing.T, l delivery.Log, c *Clock) {
	if rows, err := l.Rows(t.Context()); err != nil || len(rows) != 0 {
		t.Errorf("Rows of no deliveries = %v, %v, want none", rows, err)
	}
	var want []delivery.Delivery
	var uids []delivery.UID
	for i := range 50 {
		d := standings[i%len(standings)].row(t, l, c)
		want = append(want, d)
		uids = append(uids, d.UID, newDelivery("p1", c).UID)
	}
	got, err := l.Rows(t.Context(), uids...)
	for _, rows := range [][]delivery.Delivery{want, got} {
		slices.SortFunc(rows, func(a, b delivery.Delivery) int { return cmp.Compare(a.UID.String(), b.UID.String()) })
	}
	if diff := same(want, got); err != nil || diff != "" {
		t.Errorf("Rows of 100 deliveries, half of which have one = %v (-want +got):\n%s", err, diff)
	}
	mixed := delivery.UID{Event: want[0].UID.Event, Webhook: want[1].UID.Webhook}
	wantNoRow(t, l, "writes of its event for another webhook and of its webhook for another event", mixed)
}

func rowExpires(t *testing.T, l delivery.Log, c *Clock) {
	for _, s := range standings {
		d := s.row(t, l, c)
		c.Advance(delivery.Retention - time.Minute)
		wantRow(t, l, "all its time but a minute", d)
		c.Advance(2 * time.Minute)
		wantNoRow(t, l, "all its time", d.UID)
	}
}

func rowKeepsLastAttempts(t *testing.T, l delivery.Log, c *Clock) {
	want := standing{delivery.Retrying, delivery.Place{Step: 1}}.row(t, l, c)
	for want.AttemptCount < delivery.MaxAttempts+5 {
		a := failing(want.NextNumber(), want.Place, c)
		must(t, l.Append(t.Context(), unattempted(want), a), "Append")
		want = want.Record(a)
	}
	wantRow(t, l, "105 attempts", want)
	a := failing(want.NextNumber(), want.Place, c)
	next := waiting(want, delivery.Place{Step: 2}, time.Minute, c)
	must(t, l.Step(t.Context(), unattempted(next), want.Place, &a), "Step")
	want = next.Record(a)
	wantRow(t, l, "106 attempts", want)
	s := accepted(want.NextNumber(), want.Place, c)
	must(t, l.Succeed(t.Context(), unattempted(over(want, delivery.Succeeded, want.Place, c)), s), "Succeed")
	if got := readRow(t, l, want.UID); got.AttemptCount != 107 || len(got.Attempts) != delivery.MaxAttempts || got.Attempts[0].Number != 8 {
		t.Errorf("after 107 attempts: %d counted, %d kept, the first is number %d, want 107, %d, 8", got.AttemptCount, len(got.Attempts), got.Attempts[0].Number, delivery.MaxAttempts)
	}
}

// answered is a failed attempt with what came back.
func answered(n int, p delivery.Place, c *Clock, body string) delivery.Attempt {
	a := failing(n, p, c)
	a.Answer = &delivery.Answer{Headers: map[string][]string{"Content-Type": {"text/html"}, "Set-Cookie": {"a=1", "b=Größe"}}, Body: []byte(body)}
	return a
}

func wantAnswers(t *testing.T, l delivery.Log, u delivery.UID, want map[int]delivery.Answer) {
	t.Helper()
	got, err := l.Answers(t.Context(), u)
	if diff := same(want, got); err != nil || diff != "" {
		t.Errorf("Answers = %v (-want +got):\n%s", err, diff)
	}
}

func answersRead(t *testing.T, l delivery.Log, c *Clock) {
	d, other := newDelivery("p1", c), newDelivery("p1", c)
	wantAnswers(t, l, d.UID, nil)
	step1, step2 := answered(1, zero, c, "<h1>503</h1>\x00\xff\xfe"), answered(3, delivery.Place{Step: 1}, c, "")
	manual := answered(2, zero, c, "Größe 三月")
	manual.Cause = delivery.CauseManual
	spent := failing(0, delivery.Place{Step: 2}, c)
	must(t, l.Step(t.Context(), waiting(d, delivery.Place{Step: 1}, time.Minute, c), zero, &step1), "Step")
	must(t, l.Append(t.Context(), d, manual), "Append")
	must(t, l.Step(t.Context(), waiting(d, delivery.Place{Step: 2}, time.Minute, c), delivery.Place{Step: 1}, &step2), "Step")
	must(t, l.Step(t.Context(), waiting(d, delivery.Place{Step: 3}, time.Minute, c), delivery.Place{Step: 2}, &spent), "Step")
	must(t, l.Succeed(t.Context(), over(d, delivery.Succeeded, delivery.Place{Step: 3}, c), accepted(4, delivery.Place{Step: 3}, c)), "Succeed")
	must(t, l.Append(t.Context(), other, answered(1, zero, c, "other")), "Append")
	wantAnswers(t, l, d.UID, map[int]delivery.Answer{1: *step1.Answer, 2: *manual.Answer, 3: *step2.Answer})
	for _, a := range readRow(t, l, d.UID).Attempts {
		if a.Answer != nil {
			t.Errorf("attempt %d of the row has its answer, which is kept apart", a.Number)
		}
	}
}

func answersExpire(t *testing.T, l delivery.Log, c *Clock) {
	d := newDelivery("p1", c)
	first := answered(1, zero, c, "first")
	must(t, l.Step(t.Context(), waiting(d, delivery.Place{Step: 1}, time.Minute, c), zero, &first), "Step")
	c.Advance(24 * time.Hour)
	second := answered(2, delivery.Place{Step: 1}, c, "second")
	must(t, l.Append(t.Context(), d, second), "Append")
	c.Advance(delivery.AnswerRetention - 24*time.Hour - time.Minute)
	wantAnswers(t, l, d.UID, map[int]delivery.Answer{1: *first.Answer, 2: *second.Answer})
	c.Advance(2 * time.Minute)
	wantAnswers(t, l, d.UID, map[int]delivery.Answer{2: *second.Answer})
	c.Advance(24 * time.Hour)
	wantAnswers(t, l, d.UID, nil)
	if got := readRow(t, l, d.UID); len(got.Attempts) != 2 {
		t.Errorf("the row has %d attempts when the answers are gone, want 2", len(got.Attempts))
	}
}
