package input

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"

	"hermod/shared/job"
)

// token tells the result pages of a chunk apart. Their order is that of their first inputs, and among reports that begin with the same
// input any; it never changes.
type token [6]byte

// newToken returns the token of a page whose first entry is of the chunk's input of that place. It is never zero.
func newToken(place int) (t token) {
	binary.BigEndian.PutUint16(t[:], uint16(place)+1)
	rand.Read(t[2:])
	return t
}

func (t token) String() string { return hex.EncodeToString(t[:]) }

func parseToken(text string) (t token, err error) {
	if n, err := hex.Decode(t[:], []byte(text)); err != nil || n != len(t) || len(text) != hex.EncodedLen(n) {
		return t, fmt.Errorf("%q is no token", text)
	}
	return t, nil
}

// pageName is the name of a result page of a chunk.
func (t token) pageName(chunk int) string { return fmt.Sprintf("r%03d-%s", chunk, t) }

// resultPage is what a report brought along for some inputs of a chunk. It counts for those of them whose state names it.
type resultPage struct {
	Format int         `json:"f"`
	Errors []errorDoc  `json:"e,omitempty"` // each once
	Inputs []resultDoc `json:"i"`
}

// errorDoc is what an error has besides its label and scope, which the chunk has.
type errorDoc struct {
	Message string          `json:"m,omitempty"`
	Ref     string          `json:"r,omitempty"`
	Params  json.RawMessage `json:"p,omitempty"`
}

// resultDoc is an input's share of a page.
type resultDoc struct {
	Index int               `json:"i"`
	Error int               `json:"e,omitempty"` // place in the page's errors, counted from 1
	Rows  []json.RawMessage `json:"r,omitempty"`
}

// error returns the error of an input of the page, without label and scope; nil if it has none.
func (p resultPage) error(index int) *Error {
	for _, d := range p.Inputs {
		if d.Index == index && 0 < d.Error && d.Error <= len(p.Errors) {
			e := p.Errors[d.Error-1]
			return &Error{Message: e.Message, Ref: e.Ref, Params: e.Params}
		}
	}
	return nil
}

// keepsake is what is kept of a report besides the chunk.
type keepsake struct {
	index int
	err   json.RawMessage // an errorDoc; nil: none
	rows  []json.RawMessage
}

// keep returns what is kept of a report; ok is false if that is nothing.
func keep(r Report) (k keepsake, ok bool, err error) {
	k.index = r.Index
	if r.Status == Succeeded {
		k.rows = r.Rows
		return k, len(k.rows) > 0, nil
	}
	if r.Error == nil {
		return k, false, nil
	}
	doc := errorDoc{cut(r.Error.Message), r.Error.Ref, notNull(r.Error.Params)}
	if k.err, err = marshal(doc); err != nil {
		return k, false, fmt.Errorf("encode the error of input %d: %w", r.Index, err)
	}
	return k, string(k.err) != "{}", nil
}

// cut shortens an error's message to MaxMessage bytes, the last of them an ellipsis: a report with a long message must not be lost.
func cut(message string) string {
	if len(message) <= MaxMessage {
		return message
	}
	end := MaxMessage - len("…")
	for !utf8.RuneStart(message[end]) {
		end--
	}
	return message[:end] + "…"
}

// bundle is the pages that a report of a chunk brings along.
type bundle struct {
	pages  []job.Page
	tokens []token       // of the pages
	where  map[int]token // of the page that has an input
}

// bind lays out pages for what is kept. Errors come first, so that whoever looks for them alone need not read the rows.
func bind(chunk int, kept []keepsake) (b bundle, err error) {
	slices.SortStableFunc(kept, func(x, y keepsake) int { return min(len(x.rows), 1) - min(len(y.rows), 1) })
	b.where = make(map[int]token, len(kept))
	for len(kept) > 0 {
		t, d := newToken(kept[0].index%job.ChunkSize), newDraft()
		for len(kept) > 0 && d.add(kept[0]) {
			b.where[kept[0].index] = t
			kept = kept[1:]
		}
		doc, err := marshal(d)
		if err != nil {
			return b, fmt.Errorf("encode result page: %w", err)
		}
		b.tokens = append(b.tokens, t)
		b.pages = append(b.pages, job.Page{Kind: job.ResultPage, Name: t.pageName(chunk), Doc: doc})
	}
	return b, nil
}

// draft is a resultPage that is being filled.
type draft struct {
	Format int               `json:"f"`
	Errors []json.RawMessage `json:"e,omitempty"`
	Inputs []resultDoc       `json:"i"`

	size   int            // bytes of its entries, at most
	places map[string]int // of its errors
}

func newDraft() *draft { return &draft{Format: pageFormat, places: map[string]int{}} }

// add adds what is kept of an input, unless the page has no room for it; an empty page always has.
func (d *draft) add(k keepsake) bool {
	place := d.places[string(k.err)]
	size := d.size + len(`{"i":99999,"e":500,"r":[]},`) + SizeOf(k.rows)
	if place == 0 {
		size += len(k.err) + len(",")
	}
	if size > pageRoom && len(d.Inputs) > 0 {
		return false
	}
	if place == 0 && k.err != nil {
		d.Errors = append(d.Errors, k.err)
		place = len(d.Errors)
		d.places[string(k.err)] = place
	}
	d.Inputs, d.size = append(d.Inputs, resultDoc{k.index, place, k.rows}), size
	return true
}

// SizeOf is how many bytes the rows of an input count for: those of a JSON array of them.
func SizeOf(rows []json.RawMessage) int {
	size := len("[]") + max(0, len(rows)-1)*len(",")
	for _, row := range rows {
		size += len(row)
	}
	return size
}

// readResults reads result pages of a chunk, at most maxPagesRead. One that is gone is left out.
func (s *Service) readResults(ctx context.Context, r job.Ref, chunk int, tokens ...token) (map[token]resultPage, error) {
	names, tokenOf := make([]string, len(tokens)), make(map[string]token, len(tokens))
	for i, t := range tokens {
		names[i] = t.pageName(chunk)
		tokenOf[names[i]] = t
	}
	stored, err := s.readPages(ctx, r, job.ResultPage, names...)
	if err != nil {
		return nil, err
	}
	read := make(map[token]resultPage, len(stored))
	for _, p := range stored {
		var page resultPage
		if err := parse(p, &page, &page.Format); err != nil {
			return nil, err
		}
		read[tokenOf[p.Name]] = page
	}
	return read, nil
}
