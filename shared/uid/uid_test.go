package uid_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"hermod/shared/uid"
)

func ExampleDerive() {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)
	u := uid.Derive(at, "01234567-89ab-7def-8123-456789abcdef", 2)
	fmt.Println(u == uid.Derive(at, "01234567-89ab-7def-8123-456789abcdef", 2))
	fmt.Println(uid.Time(u).Equal(at))
	// Output:
	// true
	// true
}

func TestUidsSortByTheirTime(t *testing.T) {
	start := time.UnixMilli(1_700_000_000_000)
	var list []string
	for i := range 100 {
		list = append(list, uid.New(start.Add(time.Duration(i)*time.Millisecond)))
	}
	if !slices.IsSorted(list) {
		t.Errorf("uids of rising times are not sorted: %v", list)
	}
}

func TestUidsAreVersion7(t *testing.T) {
	for _, u := range []string{uid.New(time.Now()), uid.Derive(time.Now(), "x", 1), uid.Min(time.Now())} {
		if !uid.Valid(u) || u[14] != '7' || u[19] < '8' || u[19] > 'b' {
			t.Errorf("%q is not a UUIDv7 of the RFC 9562 variant", u)
		}
	}
}

func TestDerivedUidsDifferByEachPart(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_000)
	seen := map[string]bool{}
	for _, u := range []string{uid.Derive(at, "a", 1), uid.Derive(at, "a", 2), uid.Derive(at, "b", 1), uid.Derive(at.Add(time.Millisecond), "a", 1)} {
		if seen[u] {
			t.Errorf("two facts share the uid %s", u)
		}
		seen[u] = true
	}
}

func TestMinIsBelowEveryUidOfItsTime(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_000)
	if low := uid.Min(at); low > uid.New(at) || low <= uid.New(at.Add(-time.Millisecond)) {
		t.Errorf("Min(%v) = %s is not the lowest uid of its time", at, low)
	}
}

func TestValidRefusesWhatIsNoUid(t *testing.T) {
	for _, s := range []string{"", "x", "01234567-89AB-7def-8123-456789abcdef", "0123456789ab7def8123456789abcdef", "01234567-89ab-7def-8123-456789abcde", "01234567-89ab-7def-8123_456789abcdef", "g1234567-89ab-7def-8123-456789abcdef"} {
		if uid.Valid(s) {
			t.Errorf("Valid(%q) = true, want false", s)
		}
		if got := uid.Time(s); !got.IsZero() {
			t.Errorf("Time(%q) = %v, want the zero time", s, got)
		}
	}
}

func TestTimesThatAUidCannotTellAreTheNearestThatItCan(t *testing.T) {
	first, last := uid.Min(time.UnixMilli(0)), uid.Min(time.UnixMilli(1<<48-1))
	for at, want := range map[time.Time]string{
		{}: first, time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC): first, time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC): last,
	} {
		if got := uid.Min(at); got != want {
			t.Errorf("Min(%v) = %s, want %s", at, got, want)
		}
	}
}
