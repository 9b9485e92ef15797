// Package uid makes and reads the identifiers of everything Hermod keeps: lower-case UUIDs of version 7 (RFC 9562), whose
// first 48 bits are a time in milliseconds, so that their order is the order of that time.
//
// A uid is either random (New) or derived from a fact (Derive): the same fact gives the same uid on every machine, which
// makes writing it twice harmless.
package uid

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"
)

// Len is the length of a uid's text.
const Len = 36

// New returns a random uid of the given time.
func New(at time.Time) string {
	var b [16]byte
	rand.Read(b[6:])
	return format(b, at)
}

// Derive returns the uid of a fact: its time, and for the other bits the SHA-256 of its name and number.
func Derive(at time.Time, name string, number int) string {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(name), uint64(number)))
	var b [16]byte
	copy(b[6:], sum[:])
	return format(b, at)
}

// Min returns the lowest uid of a time: every uid made at that time or later is not below it. Times before 1970 count as 1970, and
// those after 10889 as then, for a uid can tell no other.
func Min(at time.Time) string {
	return format([16]byte{}, at)
}

// Time returns the time a uid was made of, in UTC and whole milliseconds; the zero time if s is no uid.
func Time(s string) time.Time {
	if !Valid(s) {
		return time.Time{}
	}
	var b [8]byte
	hex.Decode(b[2:], []byte(s[:8]+s[9:13]))
	return time.UnixMilli(int64(binary.BigEndian.Uint64(b[:]))).UTC()
}

// Valid reports whether s is the text of a UUID in lower case, of any version.
func Valid(s string) bool {
	if len(s) != Len {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case (c < '0' || c > '9') && (c < 'a' || c > 'f'):
			return false
		}
	}
	return true
}

func format(b [16]byte, at time.Time) string {
	ms := uint64(min(max(0, at.UnixMilli()), 1<<48-1))
	b[0], b[1], b[2], b[3], b[4], b[5] = byte(ms>>40), byte(ms>>32), byte(ms>>24), byte(ms>>16), byte(ms>>8), byte(ms)
	b[6] = b[6]&0x0f | 0x70
	b[8] = b[8]&0x3f | 0x80
	var t [Len]byte
	hex.Encode(t[:8], b[:4])
	hex.Encode(t[9:13], b[4:6])
	hex.Encode(t[14:18], b[6:8])
	hex.Encode(t[19:23], b[8:10])
	hex.Encode(t[24:], b[10:])
	t[8], t[13], t[18], t[23] = '-', '-', '-', '-'
	return string(t[:])
}
