package sqlite

import (
	"strings"
	"time"

	"hermod/shared/uid"
)

// What a list looks at for one page: so many rows, or so many entries of an index that has all it narrows by. A page is short, even
// empty, where few of them are asked for. Each takes about 10 ms on one slow core.
const (
	maxExamined = 5_000
	maxListed   = 25_000
)

// where gathers the conditions of a list. Only its texts become part of the statement.
type where struct {
	conditions []string
	args       []any
}

func (w where) and(condition string, args ...any) where {
	return where{append(w.conditions[:len(w.conditions):len(w.conditions)], condition), append(w.args[:len(w.args):len(w.args)], args...)}
}

// matching adds a condition that an empty value does not make.
func (w where) matching(column, value string) where {
	if value == "" {
		return w
	}
	return w.and(column+" = ?", value)
}

// between adds the bounds of a time that the uids in a column begin with; a zero time is none.
func (w where) between(column string, since, until time.Time) where {
	if !since.IsZero() {
		w = w.and(column+" >= ?", lowest(since))
	}
	if !until.IsZero() {
		w = w.and(column+" < ?", lowest(until))
	}
	return w
}

// lowest is the lowest uid of the first whole millisecond that is not before t.
func lowest(t time.Time) string { return uid.Min(t.Add(time.Millisecond - 1)) }

func (w where) String() string { return strings.Join(w.conditions, " AND ") }
