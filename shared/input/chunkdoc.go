package input

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"hermod/shared/job"
)

// A chunk's document is a format byte and then, with all numbers as unsigned varints:
//
//	failures   how many different ones there are, and of each the lengths and the bytes of label and scope
//	pages      how many are named, and the token of each
//	base       the first input's start, in Unix milliseconds
//	columns    one after the other: status, retries, outputs, started, finished, failure, page
//
// A column has a number for each input; zeros at its end are left out. It is written in the shorter of two ways: as runs (0, how many
// runs, and of each its length and its number), or packed (the width in bits, how many numbers, and their bits, lowest first).
// Started is the difference to the input before, zigzag, plus one; finished is the time since the start, plus one; failure and page are
// places in the lists, plus one: what an input does not have is 0.
//
// So a batch that was reported at once costs a few bytes for each column, and what is all different costs the bits that it needs.
const chunkFormat = 1

// The columns, in their order.
const (
	statusColumn = iota
	retriesColumn
	outputsColumn
	startedColumn
	finishedColumn
	failureColumn
	pageColumn
	columns
)

const (
	maxTime   = 1 << 48 // Unix milliseconds
	maxWidth  = 50      // bits of a number, so that the difference of two times is one
	maxNumber = 1 << maxWidth
)

var errForeign = errors.New("it is not of a form that this release writes")

// statusCodes are what the column of the status holds.
var statusCodes = [...]Status{Pending, Running, Succeeded, Failed}

// encode returns the chunk's document.
func (c *chunk) encode() []byte {
	var (
		failures []failure
		pages    []token
		base     int64
		last     int64
		column   [columns][job.ChunkSize]uint64
	)
	for i, s := range c.inputs {
		column[statusColumn][i] = uint64(slices.Index(statusCodes[:], s.status))
		column[retriesColumn][i] = uint64(s.retries)
		column[outputsColumn][i] = uint64(s.outputs)
		if s.started != 0 {
			if base == 0 {
				base, last = s.started, s.started
			}
			column[startedColumn][i] = zigzag(s.started-last) + 1
			last = s.started
		}
		if s.finished != 0 {
			column[finishedColumn][i] = uint64(s.finished-s.started) + 1
		}
		failures, column[failureColumn][i] = place(failures, s.failure)
		pages, column[pageColumn][i] = place(pages, s.detail)
	}
	doc := binary.AppendUvarint([]byte{chunkFormat}, uint64(len(failures)))
	for _, f := range failures {
		doc = appendText(appendText(doc, f.label), f.scope)
	}
	doc = binary.AppendUvarint(doc, uint64(len(pages)))
	for _, p := range pages {
		doc = append(doc, p[:]...)
	}
	doc = binary.AppendUvarint(doc, uint64(base))
	for _, numbers := range &column {
		doc = appendColumn(doc, numbers[:])
	}
	return doc
}

// place returns the list with v in it, and where v is, counted from 1. The zero value is nowhere: 0.
func place[V comparable](list []V, v V) ([]V, uint64) {
	var zero V
	if v == zero {
		return list, 0
	}
	if n := len(list); n > 0 && list[n-1] == v {
		return list, uint64(n) // as the input before: the ordinary case
	}
	if i := slices.Index(list, v); i >= 0 {
		return list, uint64(i) + 1
	}
	return append(list, v), uint64(len(list)) + 1
}

func appendText(doc []byte, text string) []byte {
	return append(binary.AppendUvarint(doc, uint64(len(text))), text...)
}

func appendColumn(doc []byte, numbers []uint64) []byte {
	for len(numbers) > 0 && numbers[len(numbers)-1] == 0 {
		numbers = numbers[:len(numbers)-1]
	}
	runs, packed := appendRuns(nil, numbers), appendPacked(nil, numbers)
	if len(packed) < len(runs) {
		return append(doc, packed...)
	}
	return append(doc, runs...)
}

func appendRuns(doc []byte, numbers []uint64) []byte {
	count := 0
	var runs []byte
	for len(numbers) > 0 {
		n := 1
		for n < len(numbers) && numbers[n] == numbers[0] {
			n++
		}
		runs = binary.AppendUvarint(binary.AppendUvarint(runs, uint64(n)), numbers[0])
		numbers = numbers[n:]
		count++
	}
	return append(binary.AppendUvarint(append(doc, 0), uint64(count)), runs...)
}

func appendPacked(doc []byte, numbers []uint64) []byte {
	width := 1
	for _, n := range numbers {
		for n>>width != 0 {
			width++
		}
	}
	doc = binary.AppendUvarint(append(doc, byte(width)), uint64(len(numbers)))
	var bits uint64
	have := 0
	for _, n := range numbers {
		bits |= n << have
		for have += width; have >= 8; have -= 8 {
			doc = append(doc, byte(bits))
			bits >>= 8
		}
	}
	if have > 0 {
		doc = append(doc, byte(bits))
	}
	return doc
}

// decodeChunk reads a chunk as it is stored.
func decodeChunk(stored job.Chunk) (*chunk, error) {
	if len(stored.Doc) == 0 || stored.Doc[0] != chunkFormat {
		return nil, fmt.Errorf("format: %w", errForeign)
	}
	d := decoder{rest: stored.Doc[1:]}
	failures := make([]failure, d.count(job.ChunkSize))
	for i := range failures {
		failures[i] = failure{d.text(), d.text()}
	}
	pages := make([]token, d.count(job.ChunkSize))
	for i := range pages {
		copy(pages[i][:], d.bytes(len(token{})))
	}
	base := d.number()
	var column [columns][job.ChunkSize]uint64
	for i := range column {
		d.column(&column[i])
	}
	c := newChunk(stored.Number)
	c.version = stored.Version
	last := int64(base)
	for i := range c.inputs {
		s := &c.inputs[i]
		s.status = pick(&d, statusCodes[:], column[statusColumn][i]+1)
		s.retries, s.outputs = int(column[retriesColumn][i]), int(column[outputsColumn][i])
		if n := column[startedColumn][i]; n != 0 {
			s.started = last + unzigzag(n-1)
			last = s.started
			d.check(0 < s.started && s.started < maxTime)
		}
		if n := column[finishedColumn][i]; n != 0 {
			s.finished = s.started + int64(n-1)
			d.check(s.started != 0 && s.finished < maxTime)
		}
		s.failure = pick(&d, failures, column[failureColumn][i])
		s.detail = pick(&d, pages, column[pageColumn][i])
	}
	d.check(len(d.rest) == 0)
	if d.err != nil {
		return nil, d.err
	}
	return c, nil
}

// pick returns what stands at a place of a list; the zero value for none.
func pick[V any](d *decoder, list []V, place uint64) (v V) {
	if place == 0 {
		return v
	}
	if d.check(place <= uint64(len(list))) {
		v = list[place-1]
	}
	return v
}

// decoder reads a document from its front. After the first thing that cannot be, it reads zeros.
type decoder struct {
	rest []byte
	err  error
}

// check notes that the document is foreign unless ok is true, and returns whether it is good so far.
func (d *decoder) check(ok bool) bool {
	if !ok && d.err == nil {
		d.err = errForeign
	}
	return d.err == nil
}

func (d *decoder) number() uint64 {
	n, size := binary.Uvarint(d.rest)
	if !d.check(size > 0 && n < maxNumber) {
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

// count reads a number that is not above most.
func (d *decoder) count(most int) int {
	n := d.number()
	if !d.check(n <= uint64(most)) {
		return 0
	}
	return int(n)
}

// bytes reads n bytes; none if there are not as many.
func (d *decoder) bytes(n int) (b []byte) {
	if !d.check(n <= len(d.rest)) {
		return nil
	}
	b, d.rest = d.rest[:n], d.rest[n:]
	return b
}

func (d *decoder) text() string { return string(d.bytes(d.count(len(d.rest)))) }

func (d *decoder) column(numbers *[job.ChunkSize]uint64) {
	width := d.count(maxWidth)
	n := d.count(job.ChunkSize)
	if width > 0 {
		d.packed(numbers[:n], width)
		return
	}
	left := numbers[:]
	for range n {
		length, number := d.count(len(left)), d.number()
		for i := range left[:length] {
			left[i] = number
		}
		left = left[length:]
	}
}

func (d *decoder) packed(numbers []uint64, width int) {
	packed := d.bytes((len(numbers)*width + 7) / 8)
	var bits uint64
	have := 0
	for i := range numbers {
		for ; have < width && len(packed) > 0; have += 8 {
			bits |= uint64(packed[0]) << have
			packed = packed[1:]
		}
		numbers[i] = bits & (1<<width - 1)
		bits >>= width
		have -= width
	}
}

func zigzag(n int64) uint64   { return uint64(n<<1) ^ uint64(n>>63) }
func unzigzag(n uint64) int64 { return int64(n>>1) ^ -int64(n&1) }
