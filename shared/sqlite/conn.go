package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	modernc "modernc.org/sqlite"
)

// conn is one connection to the file, used by one goroutine at a time. It speaks to the driver itself: database/sql would cost
// as much again as a small statement does. Each statement is prepared at its first use and kept. An error of the database is
// always returned as translate makes it.
type conn struct {
	raw        driver.Conn
	statements map[string]statement
	args       []driver.NamedValue // reused: the driver copies what it binds
	wrote      int64               // rows written since begin
	broken     error               // first error of the database since begin
}

type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// row is one row of a result. Blobs and texts are copies.
type row []driver.Value

// dial opens a connection to the file; mode is SQLite's: ro or rw, which need an existing file, or rwc.
func dial(path, mode string, pragmas ...string) (*conn, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	file := url.URL{Scheme: "file", Path: path, RawQuery: "mode=" + mode}
	raw, err := (&modernc.Driver{}).Open(file.String())
	if err != nil {
		return nil, translate(err)
	}
	c := &conn{raw: raw, statements: map[string]statement{}}
	for _, p := range append([]string{"busy_timeout = 5000", "temp_store = memory"}, pragmas...) {
		if _, err := c.get("PRAGMA " + p); err != nil {
			c.close()
			return nil, err
		}
	}
	return c, nil
}

func (c *conn) close() error {
	for _, s := range c.statements {
		s.Close()
	}
	return c.raw.Close()
}

// exec runs a statement and returns how many rows it wrote.
func (c *conn) exec(query string, args ...any) (int64, error) {
	s, err := c.prepare(query)
	if err != nil {
		return 0, c.fail(err)
	}
	result, err := s.ExecContext(context.Background(), c.bind(args))
	if err != nil {
		return 0, c.fail(err)
	}
	n, err := result.RowsAffected()
	c.wrote += n
	return n, c.fail(err)
}

// change runs a statement that writes one row at most and returns something of it; nil if it wrote none.
func (c *conn) change(query string, args ...any) (written row, err error) {
	for r, err := range c.rows(query, args...) {
		if err != nil {
			return nil, err
		}
		c.wrote++
		written = slices.Clone(r)
	}
	return written, nil
}

// get runs a query and returns its first row, nil if there is none.
func (c *conn) get(query string, args ...any) (row, error) {
	for r, err := range c.rows(query, args...) {
		return r, err
	}
	return nil, nil
}

// rows runs a query. A row is good until the next; no other use of the same query may begin before the loop has ended.
func (c *conn) rows(query string, args ...any) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		s, err := c.prepare(query)
		if err != nil {
			yield(nil, c.fail(err))
			return
		}
		rows, err := s.QueryContext(context.Background(), c.bind(args))
		if err != nil {
			yield(nil, c.fail(err))
			return
		}
		defer rows.Close()
		r := make(row, len(rows.Columns()))
		for {
			err := rows.Next(r)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(nil, c.fail(err))
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (c *conn) begin() error {
	c.wrote, c.broken = 0, nil
	_, err := c.exec("BEGIN IMMEDIATE")
	return err
}

func (c *conn) commit() error {
	_, err := c.exec("COMMIT")
	return err
}

// rollback ends the transaction if the database has not done so itself, as it does on a full disk.
func (c *conn) rollback() {
	c.exec("ROLLBACK")
}

func (c *conn) prepare(query string) (statement, error) {
	if s, ok := c.statements[query]; ok {
		return s, nil
	}
	prepared, err := c.raw.Prepare(query)
	if err != nil {
		return nil, err
	}
	s := prepared.(statement)
	c.statements[query] = s
	return s, nil
}

func (c *conn) bind(args []any) []driver.NamedValue {
	c.args = c.args[:0]
	for i, a := range args {
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: bindable(a)})
	}
	return c.args
}

func (c *conn) fail(err error) error {
	if err == nil {
		return nil
	}
	err = translate(err)
	if c.broken == nil {
		c.broken = err
	}
	return err
}

// bindable turns an argument into what the driver takes. A time is nanoseconds since 1970.
func bindable(a any) driver.Value {
	switch v := a.(type) {
	case nil, int64, string, []byte:
		return v
	case int:
		return int64(v)
	case bool:
		if v {
			return int64(1)
		}
		return int64(0)
	case time.Time:
		return stamp(v)
	}
	panic(fmt.Sprintf("sqlite: a statement got an argument of type %T", a))
}

func (r row) text(i int) string {
	s, _ := r[i].(string)
	return s
}

// first is the text of the first column, empty without a row.
func (r row) first() string {
	if r == nil {
		return ""
	}
	return r.text(0)
}

func (r row) int(i int) int64 {
	n, _ := r[i].(int64)
	return n
}

func (r row) blob(i int) []byte {
	b, _ := r[i].([]byte)
	return b
}

func (r row) time(i int) time.Time { return moment(r.int(i)) }

// stamp is how a time is kept: nanoseconds since 1970, and 0 for the zero time.
func stamp(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// moment is the time that stamp made n of.
func moment(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// orNull is t, or NULL for the zero time: a partial index leaves that out.
func orNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

// marks are n parameters of a statement: ?, ?, ?
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

// collect makes a list of a result.
func collect[T any](rows iter.Seq2[row, error], one func(row) (T, error)) ([]T, error) {
	var list []T
	for r, err := range rows {
		if err != nil {
			return nil, err
		}
		item, err := one(r)
		if err != nil {
			return nil, err
		}
		list = append(list, item)
	}
	return list, nil
}
