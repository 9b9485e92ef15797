package input

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"hermod/shared/job"
)

// errPosition says that a text is none of Results' positions.
var errPosition = errors.New("no position among results")

// position is where a reader of results goes on: at a row of a page of a chunk. Pages are in the order of their tokens, so that it means
// the same whatever was written in between, and a page that is gone is passed.
type position struct {
	chunk int
	page  token // zero: the chunk's first
	row   int   // of the page, counted over all that stands on it
}

func (p position) String() string { return fmt.Sprintf("%d.%s.%d", p.chunk, p.page, p.row) }

func parsePosition(text string) (p position, err error) {
	if text == "" {
		return p, nil
	}
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return p, fmt.Errorf("%q: %w", text, errPosition)
	}
	var errs [3]error
	p.chunk, errs[0] = strconv.Atoi(parts[0])
	p.page, errs[1] = parseToken(parts[1])
	p.row, errs[2] = strconv.Atoi(parts[2])
	if errors.Join(errs[:]...) != nil || p.chunk < 0 || p.row < 0 {
		return position{}, fmt.Errorf("%q: %w", text, errPosition)
	}
	return p, nil
}

// Results returns rows in the order of the chunks of their inputs, and the position to go on from; empty at the end. from is a position
// that Results returned; empty: from the beginning. What is reported meanwhile may be seen or not; nothing is seen twice. A page may be
// short, even empty, before the end.
func (s *Service) Results(ctx context.Context, j job.Job, from string, limit int) (rows []Row, next string, err error) {
	at, err := parsePosition(from)
	if err != nil {
		return nil, "", err
	}
	r := reader{service: s, ref: refOf(j), at: at, limit: limit}
	to := min(at.chunk+maxChunksRead, chunksOf(j))
	if at.chunk < to {
		err = s.eachChunk(ctx, r.ref, at.chunk, to, func(c *chunk) error { return r.readChunk(ctx, c) })
	}
	switch {
	case errors.Is(err, errFull):
		return r.rows, r.at.String(), nil
	case err != nil:
		return nil, "", err
	case to < chunksOf(j):
		return r.rows, position{chunk: to}.String(), nil
	}
	return r.rows, "", nil
}

// errFull stops a reader of results.
var errFull = errors.New("as many rows as were asked for")

// reader collects rows of results. It stops with errFull at a row for which there is no room.
type reader struct {
	service *Service
	ref     job.Ref
	at      position // of the next row
	limit   int
	rows    []Row
	size    int
}

func (r *reader) readChunk(ctx context.Context, c *chunk) error {
	if c.number != r.at.chunk {
		r.at = position{chunk: c.number}
	}
	for tokens := range slices.Chunk(c.rowPages(r.at.page), maxPagesRead) {
		pages, err := r.service.readResults(ctx, r.ref, c.number, tokens...)
		if err != nil {
			return err
		}
		for _, t := range tokens {
			if err := r.readPage(c, t, pages[t]); err != nil {
				return err
			}
		}
	}
	return nil
}

// rowPages are the pages that have rows of inputs of the chunk, in order, from a page on.
func (c *chunk) rowPages(from token) (tokens []token) {
	for _, s := range c.inputs {
		if s.status == Succeeded && s.detail != (token{}) && bytes.Compare(s.detail[:], from[:]) >= 0 {
			tokens = append(tokens, s.detail)
		}
	}
	slices.SortFunc(tokens, func(x, y token) int { return bytes.Compare(x[:], y[:]) })
	return slices.Compact(tokens)
}

// readPage collects rows of a page: those of inputs that are what they are by it.
func (r *reader) readPage(c *chunk, t token, p resultPage) error {
	if t != r.at.page {
		r.at.page, r.at.row = t, 0
	}
	row := 0
	for _, d := range p.Inputs {
		counts := c.has(d.Index) && c.at(d.Index).status == Succeeded && c.at(d.Index).detail == t
		for _, doc := range d.Rows {
			if row >= r.at.row && counts {
				r.at.row = row
				if err := r.add(d.Index, doc); err != nil {
					return err
				}
			}
			row++
		}
	}
	return nil
}

func (r *reader) add(index int, doc json.RawMessage) error {
	if r.size += len(doc); len(r.rows) == r.limit || r.size > maxAnswer && len(r.rows) > 0 {
		return errFull
	}
	r.rows = append(r.rows, Row{index, doc})
	return nil
}
