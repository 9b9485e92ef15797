package sqlite

import (
	"context"

	"hermod/shared/job"
)

// Inputs keeps the inputs of jobs. It is a job.Inputs.
type Inputs struct{ db *DB }

// Inputs returns the side of the database that keeps inputs of jobs.
func (db *DB) Inputs() *Inputs { return &Inputs{db} }

// PutPage writes a page over whatever there was under its name.
func (s *Inputs) PutPage(ctx context.Context, r job.Ref, p job.Page) error {
	return s.db.write(ctx, "write page of inputs", func(t *tx) error {
		_, err := t.exec("INSERT INTO input_page (job, kind, name, doc) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET doc = excluded.doc",
			r.Job, string(p.Kind), p.Name, notNull(p.Doc))
		return err
	})
}

// PutNewPage writes a page if there is none of its kind and name.
func (s *Inputs) PutNewPage(ctx context.Context, r job.Ref, p job.Page) error {
	return s.db.write(ctx, "write new page of inputs", func(t *tx) error {
		n, err := t.exec("INSERT INTO input_page (job, kind, name, doc) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
			r.Job, string(p.Kind), p.Name, notNull(p.Doc))
		if err == nil && n == 0 {
			err = job.ErrPageExists
		}
		return err
	})
}

// Pages reads the pages of these names, without those that do not exist.
func (s *Inputs) Pages(ctx context.Context, r job.Ref, kind job.PageKind, names ...string) (pages []job.Page, err error) {
	err = s.db.read(ctx, "read pages of inputs", func(c *conn) error {
		for _, name := range names {
			found, err := collect(c.rows("SELECT name, doc FROM input_page WHERE job = ? AND kind = ? AND name = ?", r.Job, string(kind), name),
				decodePage(kind))
			if err != nil {
				return err
			}
			pages = append(pages, found...)
		}
		return nil
	})
	return pages, err
}

// LastPage reads the page with the highest name that begins with prefix and is not above name.
func (s *Inputs) LastPage(ctx context.Context, r job.Ref, kind job.PageKind, prefix, name string) (p job.Page, ok bool, err error) {
	found, err := readAll(ctx, s.db, "read last page of inputs", decodePage(kind), `SELECT name, doc FROM input_page
		WHERE job = ? AND kind = ? AND name >= ? AND name <= ? ORDER BY name DESC LIMIT 1`,
		r.Job, string(kind), prefix, min(name, prefix+"\u0080")) // which is above all ASCII
	if err != nil || len(found) == 0 {
		return job.Page{}, false, err
	}
	return found[0], true, nil
}

// PutChunk writes a chunk over the version before it, and marks its job.
func (s *Inputs) PutChunk(ctx context.Context, r job.Ref, c job.Chunk) error {
	return s.db.write(ctx, "write chunk of inputs", func(t *tx) error {
		n, err := s.overwrite(t, r, c)
		if err != nil {
			return err
		}
		if n == 0 {
			return job.ErrChunkStale
		}
		return s.db.mark(t, r)
	})
}

func (s *Inputs) overwrite(t *tx, r job.Ref, c job.Chunk) (written int64, err error) {
	if c.Version == 1 {
		return t.exec("INSERT INTO input_chunk (job, number, version, doc) VALUES (?, ?, 1, ?) ON CONFLICT DO NOTHING",
			r.Job, c.Number, notNull(c.Doc))
	}
	return t.exec("UPDATE input_chunk SET version = ?, doc = ? WHERE job = ? AND number = ? AND version = ?",
		c.Version, notNull(c.Doc), r.Job, c.Number, c.Version-1)
}

// Chunks reads the chunks with numbers in [from, to), in their order.
func (s *Inputs) Chunks(ctx context.Context, r job.Ref, from, to int) ([]job.Chunk, error) {
	return readAll(ctx, s.db, "read chunks of inputs", decodeChunk,
		"SELECT number, version, doc FROM input_chunk WHERE job = ? AND number >= ? AND number < ? ORDER BY number", r.Job, from, to)
}

// decodePage reads a row of name and doc.
func decodePage(kind job.PageKind) func(row) (job.Page, error) {
	return func(r row) (job.Page, error) { return job.Page{Kind: kind, Name: r.text(0), Doc: r.blob(1)}, nil }
}

func decodeChunk(r row) (job.Chunk, error) {
	return job.Chunk{Number: int(r.int(0)), Version: int(r.int(1)), Doc: r.blob(2)}, nil
}

// notNull is a document as a column takes it: an empty one is not NULL.
func notNull(doc []byte) []byte {
	if doc == nil {
		return []byte{}
	}
	return doc
}
