package sqlite

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hermod/shared/delivery"
)

// fakeClock stands still until it is moved.
type fakeClock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *fakeClock { return &fakeClock{at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *fakeClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *fakeClock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// sendTo sends n messages of each group, one group after the other.
func sendTo(t *testing.T, q *Queue, lane delivery.Lane, n int, groups ...string) {
	t.Helper()
	for _, g := range groups {
		parcels := make([]delivery.Parcel, n)
		for i := range parcels {
			parcels[i] = delivery.Parcel{Group: g, Body: fmt.Appendf(nil, "%s%d", g, i)}
		}
		if err := q.Send(t.Context(), lane, parcels...); err != nil {
			t.Fatal(err)
		}
	}
}

func receive(t *testing.T, q *Queue, lane delivery.Lane, limit int) []delivery.Receipt {
	t.Helper()
	got, err := q.Receive(t.Context(), lane, limit, 0)
	if err != nil {
		t.Fatalf("Receive = %v", err)
	}
	return got
}

func bodies(receipts []delivery.Receipt) string {
	var all []string
	for _, r := range receipts {
		all = append(all, string(r.Body))
	}
	return strings.Join(all, " ")
}

func TestGroupsTakeTurns(t *testing.T) {
	q := open(t, newClock().now).Queue()
	sendTo(t, q, delivery.LaneFirst, 5, "a", "b", "c")
	for i, want := range []string{"a0 b0 c0", "a1 b1 c1", "a2 a3 b2 b3 c2 c3", "a4 b4 c4", ""} {
		if got := bodies(receive(t, q, delivery.LaneFirst, []int{3, 3, 6, 10, 10}[i])); got != want {
			t.Errorf("Receive %d = %q, want %q", i, got, want)
		}
	}
}

func TestNewcomerIsServedBeforeALongQueue(t *testing.T) {
	q := open(t, newClock().now).Queue()
	sendTo(t, q, delivery.LaneRetry, 2000, "crowd")
	receive(t, q, delivery.LaneRetry, 10)
	sendTo(t, q, delivery.LaneRetry, 1, "newcomer")
	if got := bodies(receive(t, q, delivery.LaneRetry, 2)); got != "crowd10 newcomer0" {
		t.Errorf("Receive beside 2,000 messages of another group = %q, want crowd10 newcomer0", got)
	}
}

func TestGroupThatHangsHoldsUpNobody(t *testing.T) {
	clock := newClock()
	q := open(t, clock.now, func(c *Config) { c.InFlightPerGroup = 4 }).Queue()
	sendTo(t, q, delivery.LaneFirst, 1000, "hangs")
	sendTo(t, q, delivery.LaneFirst, 20, "works")
	held := 0
	for range 20 {
		for _, r := range receive(t, q, delivery.LaneFirst, 10) {
			if r.Group == "hangs" {
				held++
				continue
			}
			if err := q.Delete(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
	}
	if held != 4 {
		t.Errorf("%d messages of the group that hangs are in hand, want 4", held)
	}
	if n, _ := q.Visible(t.Context(), delivery.LaneFirst); n != 996 {
		t.Errorf("Visible = %d, want the 996 of the group that hangs: the other group's are done", n)
	}
	clock.pass(delivery.Visibility)
	if got := receive(t, q, delivery.LaneFirst, 10); len(got) != 4 || got[0].Receives != 2 {
		t.Errorf("Receive after the visibility ran out = %q, want the same 4 again", bodies(got))
	}
}

func TestManyGroupsThatHangLeaveRoom(t *testing.T) {
	q := open(t, newClock().now).Queue()
	var hang []string
	for i := range 500 {
		hang = append(hang, fmt.Sprint("hangs", i))
	}
	sendTo(t, q, delivery.LaneFirst, 70, hang...)
	held := 0
	for {
		got := receive(t, q, delivery.LaneFirst, 256)
		if held += len(got); len(got) == 0 {
			break
		}
	}
	if held > packed+len(hang) {
		t.Errorf("%d messages of 500 groups that hang are in hand, want at most %d", held, packed+len(hang))
	}
	sendTo(t, q, delivery.LaneFirst, 3, "works")
	for i := range 3 {
		got := receive(t, q, delivery.LaneFirst, 256)
		if len(got) != 1 || got[0].Group != "works" {
			t.Fatalf("Receive %d beside %d messages that hang = %q, want one of the group that works", i, held, bodies(got))
		}
		if err := q.Delete(t.Context(), got[0]); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPlaceIsFreeAgain(t *testing.T) {
	tests := []struct {
		name string
		free func(t *testing.T, q *Queue, r delivery.Receipt) error
		want string
	}{
		{"when a message is deleted", func(t *testing.T, q *Queue, r delivery.Receipt) error { return q.Delete(t.Context(), r) }, "a2"},
		{"when one is hidden", func(t *testing.T, q *Queue, r delivery.Receipt) error { return q.Hide(t.Context(), r, time.Hour) }, "a2"},
		{"when one is handed back at once", func(t *testing.T, q *Queue, r delivery.Receipt) error { return q.Hide(t.Context(), r, 0) }, "a0"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			q := open(t, newClock().now, func(c *Config) { c.InFlightPerGroup = 2 }).Queue()
			sendTo(t, q, delivery.LaneRetry, 5, "a")
			got := receive(t, q, delivery.LaneRetry, 10)
			if bodies(got) != "a0 a1" || len(receive(t, q, delivery.LaneRetry, 10)) != 0 {
				t.Fatalf("Receive = %q, want two and then none", bodies(got))
			}
			if err := test.free(t, q, got[0]); err != nil {
				t.Fatal(err)
			}
			again := receive(t, q, delivery.LaneRetry, 10)
			if bodies(again) != test.want {
				t.Errorf("Receive = %q, want %s", bodies(again), test.want)
			}
		})
	}
}

func TestLanesOfLettersAndOpsHaveNoCap(t *testing.T) {
	q := open(t, newClock().now, func(c *Config) { c.InFlightPerGroup = 2 }).Queue()
	sendTo(t, q, delivery.LaneOps, 300, "")
	n := 0
	for range 3 {
		n += len(receive(t, q, delivery.LaneOps, 1000))
	}
	if n != 300 {
		t.Errorf("%d of 300 messages received from ops", n)
	}
}

func TestUsedUpHandleDoesNothing(t *testing.T) {
	clock := newClock()
	q := open(t, clock.now).Queue()
	sendTo(t, q, delivery.LaneFirst, 1, "a")
	old := receive(t, q, delivery.LaneFirst, 1)[0]
	clock.pass(delivery.Visibility)
	fresh := receive(t, q, delivery.LaneFirst, 1)[0]
	for _, handle := range []string{old.Handle, "", "nonsense", "1.2", "1.2.3.4"} {
		r := old
		r.Handle = handle
		if err := q.Delete(t.Context(), r); err != nil {
			t.Errorf("Delete of handle %q = %v, want nil", handle, err)
		}
		if err := q.Hide(t.Context(), r, 0); err != nil {
			t.Errorf("Hide of handle %q = %v, want nil", handle, err)
		}
	}
	if got := receive(t, q, delivery.LaneFirst, 1); len(got) != 0 {
		t.Errorf("Receive = %q: a used-up handle made a message in hand visible", bodies(got))
	}
	clock.pass(delivery.Visibility)
	if got := receive(t, q, delivery.LaneFirst, 1); len(got) != 1 || got[0].Receives != 3 {
		t.Errorf("Receive = %+v, want the message, received 3 times", got)
	}
	if err := q.Delete(t.Context(), fresh); err != nil {
		t.Error(err)
	}
}

func TestMessagesInHandAreVisibleAfterARestart(t *testing.T) {
	clock := newClock()
	c := Config{Path: t.TempDir() + "/hermod.db", Now: clock.now, CleanEvery: -1, InFlightPerGroup: 3}
	db := reopen(t, c)
	sendTo(t, db.Queue(), delivery.LaneFirst, 3, "a")
	if err := db.Queue().Send(t.Context(), delivery.LaneFirst, delivery.Parcel{Group: "a", Body: []byte("late"), Delay: time.Minute}); err != nil {
		t.Fatal(err)
	}
	before := receive(t, db.Queue(), delivery.LaneFirst, 10)
	if err := db.Queue().Hide(t.Context(), before[2], time.Minute); err != nil {
		t.Fatal(err)
	}
	db.Close()
	db = reopen(t, c)
	got := receive(t, db.Queue(), delivery.LaneFirst, 10)
	if bodies(got) != "a0 a1" || got[0].Receives != 2 {
		t.Errorf("Receive after a restart = %q, want the two in hand, received twice, and neither the delayed nor the hidden one", bodies(got))
	}
	if err := db.Queue().Delete(t.Context(), before[:2]...); err != nil {
		t.Errorf("Delete with handles of before = %v", err)
	}
	clock.pass(time.Minute)
	if got := bodies(receive(t, db.Queue(), delivery.LaneFirst, 10)); got != "a2" {
		t.Errorf("Receive a minute later = %q, want a2, for which there is a place", got)
	}
}

func TestIDsAreNotUsedTwiceOverARestart(t *testing.T) {
	clock := newClock()
	c := Config{Path: t.TempDir() + "/hermod.db", Now: clock.now, CleanEvery: -1}
	seen := map[string]bool{}
	for range 3 {
		db := reopen(t, c)
		sendTo(t, db.Queue(), delivery.LaneFirst, 1, "a")
		r := receive(t, db.Queue(), delivery.LaneFirst, 1)[0]
		if seen[r.Handle] {
			t.Errorf("handle %s was given out before", r.Handle)
		}
		seen[r.Handle] = true
		if err := db.Queue().Delete(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		db.Close()
	}
}

func TestUndoneReceiveGivesItsMessagesBack(t *testing.T) {
	db := open(t, newClock().now)
	q := db.Queue()
	sendTo(t, q, delivery.LaneFirst, 3, "a", "b")
	release := hold(t, db)
	var got []delivery.Receipt
	var wg sync.WaitGroup
	wg.Go(func() { got = receive(t, q, delivery.LaneFirst, 4) })
	gathered(db, 1)
	wg.Go(func() { db.write(t.Context(), "test", func(t *tx) error { _, err := t.exec("NONSENSE"); return err }) })
	gathered(db, 2)
	release()
	wg.Wait()
	got = append(got, receive(t, q, delivery.LaneFirst, 10)...)
	slices.SortFunc(got, func(a, b delivery.Receipt) int { return strings.Compare(string(a.Body), string(b.Body)) })
	if bodies(got) != "a0 a1 a2 b0 b1 b2" || got[0].Receives != 1 {
		t.Errorf("received %q, want each message once", bodies(got))
	}
}

func TestBlockedReceiveWakes(t *testing.T) {
	tests := []struct {
		name  string
		cause func(t *testing.T, q *Queue, in []delivery.Receipt)
		after time.Duration // of the cause
	}{
		{"when a message is sent", func(t *testing.T, q *Queue, _ []delivery.Receipt) { sendTo(t, q, delivery.LaneFirst, 1, "b") }, 0},
		{"when a delayed message becomes visible", func(t *testing.T, q *Queue, _ []delivery.Receipt) {
			q.Send(t.Context(), delivery.LaneFirst, delivery.Parcel{Group: "b", Delay: 40 * time.Second})
		}, 40 * time.Second},
		{"when a place becomes free", func(t *testing.T, q *Queue, in []delivery.Receipt) { q.Delete(t.Context(), in[0]) }, 0},
		{"when a message is handed back", func(t *testing.T, q *Queue, in []delivery.Receipt) { q.Hide(t.Context(), in[0], 0) }, 0},
		{"when a hidden message becomes visible", func(t *testing.T, q *Queue, in []delivery.Receipt) {
			q.Delete(t.Context(), in[0], in[1])
			receive(t, q, delivery.LaneFirst, 10)
			q.Hide(t.Context(), in[2], 7*time.Second)
		}, 7 * time.Second},
		{"when the visibility of one in hand runs out", func(*testing.T, *Queue, []delivery.Receipt) {}, delivery.Visibility},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := open(t, nil, func(c *Config) { c.InFlightPerGroup = 3 }).Queue()
				sendTo(t, q, delivery.LaneFirst, 4, "a")
				in := receive(t, q, delivery.LaneFirst, 3)
				start := time.Now()
				test.cause(t, q, in)
				got, err := q.Receive(t.Context(), delivery.LaneFirst, 10, time.Hour)
				if err != nil || len(got) == 0 || time.Since(start) != test.after {
					t.Errorf("Receive = %q, %v after %v, want messages after %v", bodies(got), err, time.Since(start), test.after)
				}
			})
		})
	}
}

func TestBlockedReceivesShareTheWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := open(t, nil).Queue()
		var mu sync.Mutex
		var got []string
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				receipts, err := q.Receive(t.Context(), delivery.LaneFirst, 1, time.Minute)
				mu.Lock()
				defer mu.Unlock()
				if got = append(got, bodies(receipts)); err != nil {
					t.Errorf("Receive = %v", err)
				}
			})
		}
		synctest.Wait()
		start := time.Now()
		sendTo(t, q, delivery.LaneFirst, 3, "a")
		q.Send(t.Context(), delivery.LaneFirst, delivery.Parcel{Group: "b", Body: []byte("b0"), Delay: 10 * time.Second})
		wg.Wait()
		slices.Sort(got)
		if want := []string{"", "a0", "a1", "a2", "b0"}; !slices.Equal(got, want) || time.Since(start) != time.Minute {
			t.Errorf("five receives that wait got %q after %v, want %q, the last of them empty after a minute", got, time.Since(start), want)
		}
	})
}

func TestLaneForgetsGroupsThatAreDone(t *testing.T) {
	db := open(t, newClock().now)
	q := db.Queue()
	for i := range 50 {
		sendTo(t, q, delivery.LaneFirst, 2, fmt.Sprint(i))
	}
	for range 2 {
		for {
			got := receive(t, q, delivery.LaneFirst, 10)
			if len(got) == 0 {
				break
			}
			if err := q.Delete(t.Context(), got...); err != nil {
				t.Fatal(err)
			}
		}
	}
	l := db.lanes[delivery.LaneFirst]
	if len(l.groups)+len(l.claims)+len(l.ring)+len(l.later) != 0 || l.oldest != nil || l.newest != nil {
		t.Errorf("an empty lane remembers %d groups, %d claims, %d in turn, %d waiting", len(l.groups), len(l.claims), len(l.ring), len(l.later))
	}
}

func TestLettersKeepTheirTimes(t *testing.T) {
	clock := newClock()
	q := open(t, clock.now).Queue()
	sendTo(t, q, delivery.LaneRetry, 1, "a")
	sent := clock.now()
	for range delivery.MaxReceives {
		clock.pass(time.Hour)
		r := receive(t, q, delivery.LaneRetry, 1)[0]
		q.Hide(t.Context(), r, 0)
	}
	if got := receive(t, q, delivery.LaneRetry, 1); len(got) != 0 {
		t.Fatalf("Receive = %q after %d receives, want none", bodies(got), delivery.MaxReceives)
	}
	letter := receive(t, q, delivery.LaneDead, 1)[0]
	if letter.Receives != 1 || !letter.SentAt.Equal(sent) {
		t.Errorf("the letter was received %d times and sent at %v, want once and %v", letter.Receives, letter.SentAt, sent)
	}
	q.Hide(t.Context(), letter, 0)
	if err := q.Redrive(t.Context(), delivery.LaneDead); err != nil {
		t.Fatal(err)
	}
	back := receive(t, q, delivery.LaneRetry, 1)[0]
	if back.Receives != 1 || !back.SentAt.Equal(clock.now()) {
		t.Errorf("the redriven message was received %d times and sent at %v, want once and %v", back.Receives, back.SentAt, clock.now())
	}
	q.Hide(t.Context(), back, 0)
	clock.pass(sent.Add(delivery.LetterRetention).Sub(clock.now()))
	if got := receive(t, q, delivery.LaneRetry, 1); len(got) != 0 {
		t.Errorf("Receive = %q, %v after it was sent first, want none", bodies(got), delivery.LetterRetention)
	}
}
