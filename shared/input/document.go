package input

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"hermod/shared/job"
)

const (
	// pageFormat is the format of pages: JSON documents. A page of another format is not read.
	pageFormat = 1
	// pageRoom is how many bytes of a page its entries take at most; the others are for what it says of itself: of the first page of an
	// append, the names of the others.
	pageRoom = job.MaxPage - 8<<10
	// maxPagesRead is how many pages are read at once: up to 8 MB.
	maxPagesRead = 25
)

// marshal returns the JSON of v, with texts as they are and without spaces.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // a client's JSON would grow
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// writeNew writes a page that must not be there yet. Errors: job.ErrPageExists.
func (s *Service) writeNew(ctx context.Context, r job.Ref, p job.Page) error {
	if err := s.Inputs.PutNewPage(ctx, r, p); err != nil {
		return fmt.Errorf("write %s page %s of job %s: %w", p.Kind, p.Name, r.Job, err)
	}
	return nil
}

func (s *Service) readPages(ctx context.Context, r job.Ref, kind job.PageKind, names ...string) ([]job.Page, error) {
	pages, err := s.Inputs.Pages(ctx, r, kind, names...)
	if err != nil {
		return nil, fmt.Errorf("read %s pages of job %s: %w", kind, r.Job, err)
	}
	return pages, nil
}

// parse reads a page's document.
func parse(p job.Page, into any, format *int) error {
	err := json.Unmarshal(p.Doc, into)
	if err == nil && *format != pageFormat {
		err = fmt.Errorf("its format is %d, want %d", *format, pageFormat)
	}
	if err != nil {
		return fmt.Errorf("%s page %s: %w", p.Kind, p.Name, err)
	}
	return nil
}
