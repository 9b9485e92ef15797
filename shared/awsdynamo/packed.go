package awsdynamo

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"

	"hermod/shared/uid"
)

// errPacked says that octets are not what was packed.
var errPacked = errors.New("packed uids are damaged")

// packed is a list of numbers and uids in few octets, since what is written is paid by the kilobyte: a uid takes 17 octets, as text
// it would take 36 and a separator. A uid is a zero and its sixteen octets, or, if it is no UUID, its length plus one and its text.
type packed []byte

func (p packed) addNumber(n int) packed { return binary.AppendUvarint(p, uint64(n)) }

func (p packed) addUID(s string) packed {
	if !uid.Valid(s) {
		return append(p.addNumber(len(s)+1), s...)
	}
	p, _ = hex.AppendDecode(append(p, 0), []byte(strings.ReplaceAll(s, "-", ""))) // a valid uid is all digits
	return p
}

// unpacking reads what was packed, in the same order. After an error it reads zeros.
type unpacking struct {
	rest []byte
	err  error
}

func (u *unpacking) more() bool { return len(u.rest) > 0 && u.err == nil }

func (u *unpacking) number() int {
	n, size := binary.Uvarint(u.rest)
	if size <= 0 || n > 1<<31 {
		u.err = errPacked
		return 0
	}
	u.rest = u.rest[size:]
	return int(n)
}

func (u *unpacking) uid() string {
	if n := u.number(); n > 0 {
		return string(u.take(n - 1))
	}
	b := u.take(16)
	if u.err != nil {
		return ""
	}
	s := hex.EncodeToString(b)
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

func (u *unpacking) take(n int) (b []byte) {
	if u.err != nil || n > len(u.rest) {
		u.err = errPacked
		return nil
	}
	b, u.rest = u.rest[:n], u.rest[n:]
	return b
}
