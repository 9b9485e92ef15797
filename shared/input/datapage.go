package input

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"hermod/shared/job"
)

// dataPage is a page of inputs: the first one of an append, which says what the append is and names its other pages, or one of those.
type dataPage struct {
	Format int               `json:"f"`
	From   int               `json:"from"` // index of the page's first input
	Inputs []json.RawMessage `json:"inputs"`

	// The fields below are those of a first page.

	Count int        `json:"count,omitempty"` // inputs of the append
	Last  bool       `json:"last,omitempty"`  // the append closes the list
	Hash  string     `json:"hash,omitempty"`  // of all inputs of the append
	More  []morePage `json:"more,omitempty"`  // in the order of their inputs
}

// morePage names a page of an append behind its first.
type morePage struct {
	From int    `json:"from"`
	Name string `json:"name"`
}

// dataDoc is an input on a page.
type dataDoc struct {
	Input  json.RawMessage `json:"d,omitempty"`
	Custom json.RawMessage `json:"c,omitempty"`
}

// firstName is the name of the first page of an append.
func firstName(from int) string { return fmt.Sprintf("a%06d", from) }

// layOut returns the first page of an append, and its other pages.
func layOut(from int, list []Data, last bool) (first dataPage, more []dataPage, err error) {
	docs, hash, err := dataDocs(list)
	if err != nil {
		return first, nil, err
	}
	first = dataPage{Format: pageFormat, From: from, Count: len(docs), Last: last, Hash: hash}
	first.Inputs, docs = fill(docs)
	for from += len(first.Inputs); len(docs) > 0; {
		p := dataPage{Format: pageFormat, From: from}
		p.Inputs, docs = fill(docs)
		more = append(more, p)
		// The hash keeps two appends at the same place from writing over each other's pages.
		first.More = append(first.More, morePage{From: from, Name: fmt.Sprintf("p%06d-%.16s", from, hash)})
		from += len(p.Inputs)
	}
	return first, more, nil
}

// dataDocs returns the inputs as they stand on pages, and the hash of them all.
func dataDocs(list []Data) (docs []json.RawMessage, hash string, err error) {
	docs = make([]json.RawMessage, len(list))
	sum := sha256.New()
	for i, d := range list {
		if docs[i], err = marshal(dataDoc{notNull(d.Input), notNull(d.Custom)}); err != nil {
			return nil, "", fmt.Errorf("encode input %d of an append: %w", i, err)
		}
		sum.Write(docs[i])
		sum.Write([]byte("\n"))
	}
	return docs, hex.EncodeToString(sum.Sum(nil)), nil
}

// notNull returns nil for null: the two are the same input.
func notNull(doc json.RawMessage) json.RawMessage {
	if string(doc) == "null" {
		return nil
	}
	return doc
}

// fill returns as many of the entries as go on one page, at least one, and the others.
func fill(docs []json.RawMessage) (page, rest []json.RawMessage) {
	size := 0
	for i, d := range docs {
		if size += len(d) + len(","); size > pageRoom && i > 0 {
			return docs[:i], docs[i:]
		}
	}
	return docs, nil
}

// page returns the page as it is stored.
func (p dataPage) page(name string) (job.Page, error) {
	doc, err := marshal(p)
	if err != nil {
		return job.Page{}, fmt.Errorf("encode data page %s: %w", name, err)
	}
	return job.Page{Kind: job.DataPage, Name: name, Doc: doc}, nil
}

func parseData(p job.Page) (d dataPage, err error) {
	err = parse(p, &d, &d.Format)
	return d, err
}

// dataReader reads what inputs consist of. It is asked in the order of their indexes, and keeps the pages that it read last.
type dataReader struct {
	service *Service
	ref     job.Ref
	first   dataPage // of the append that has the input
	name    string   // of the page that has it; empty: none was read
	page    dataPage
}

// read returns what an input consists of.
func (r *dataReader) read(ctx context.Context, index int) (Data, error) {
	if r.name == "" || index >= r.first.From+r.first.Count {
		if err := r.turnTo(ctx, index); err != nil {
			return Data{}, err
		}
	}
	for i := len(r.first.More) - 1; i >= 0; i-- {
		more := r.first.More[i]
		if more.From > index {
			continue
		}
		if more.Name != r.name {
			if err := r.turnOver(ctx, more.Name); err != nil {
				return Data{}, err
			}
		}
		break
	}
	place := index - r.page.From
	if place < 0 || place >= len(r.page.Inputs) {
		return Data{}, fmt.Errorf("input %d of job %s is not on data page %s", index, r.ref.Job, r.name)
	}
	var doc dataDoc
	if err := json.Unmarshal(r.page.Inputs[place], &doc); err != nil {
		return Data{}, fmt.Errorf("input %d of job %s: %w", index, r.ref.Job, err)
	}
	return Data(doc), nil
}

// turnTo reads the first page of the append that has an input.
func (r *dataReader) turnTo(ctx context.Context, index int) error {
	p, ok, err := r.service.Inputs.LastPage(ctx, r.ref, job.DataPage, "a", firstName(index))
	if err == nil && !ok {
		err = errMissing
	}
	if err == nil {
		r.first, err = parseData(p)
	}
	if err != nil {
		return fmt.Errorf("read the append of input %d of job %s: %w", index, r.ref.Job, err)
	}
	r.name, r.page = p.Name, r.first
	return nil
}

// turnOver reads a further page of the append.
func (r *dataReader) turnOver(ctx context.Context, name string) error {
	found, err := r.service.readPages(ctx, r.ref, job.DataPage, name)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("data page %s of job %s: %w", name, r.ref.Job, errMissing)
	}
	if err == nil {
		r.page, err = parseData(found[0])
	}
	r.name = name
	return err
}
