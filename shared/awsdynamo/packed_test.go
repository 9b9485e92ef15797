package awsdynamo

import (
	"errors"
	"strings"
	"testing"
	"time"

	"hermod/shared/uid"
)

func TestWhatIsPackedIsReadAgain(t *testing.T) {
	uids := []string{
		uid.New(time.Now()), "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "w1", "", "Größe",
		strings.ToUpper(uid.New(time.Now())), strings.Repeat("x", 16), strings.Repeat("x", 300),
	}
	var p packed
	for n, s := range uids {
		p = p.addNumber(n * 1000).addUID(s)
	}
	r := unpacking{rest: p}
	for n, s := range uids {
		if number, got := r.number(), r.uid(); number != n*1000 || got != s || r.err != nil {
			t.Errorf("read %d and %q, %v, want %d and %q", number, got, r.err, n*1000, s)
		}
	}
	if r.more() {
		t.Errorf("%d octets are left", len(r.rest))
	}
	if size := len(packed{}.addUID(uids[0])); size != 17 {
		t.Errorf("a uid takes %d octets, want 17", size)
	}
}

func FuzzUnpacking(f *testing.F) {
	f.Add([]byte(packed{}.addUID("w1").addUID("00000000-0000-0000-0000-000000000000")))
	f.Add([]byte{0, 1, 2})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := unpacking{rest: b}
		for r.more() {
			if s := r.uid(); s != "" && r.err != nil {
				t.Errorf("read %q with %v", s, r.err)
			}
		}
		if r.err != nil && !errors.Is(r.err, errPacked) {
			t.Errorf("reading %q = %v, want errPacked or nil", b, r.err)
		}
	})
}
