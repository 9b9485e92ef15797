package meter

import (
	"fmt"
	"reflect"
)

// What a unit holds.
const (
	writeUnit = 1 << 10
	readUnit  = 4 << 10
)

// table is what a table's definition says of its keys and indexes.
type table struct {
	name    string
	keys    []string
	indexes []index
}

// index is a global secondary index.
type index struct {
	name      string
	keys      []string
	all       bool     // it holds whole items
	projected []string // what it holds besides the keys of index and table
}

// description is the part of a CreateTable request, and of a table's description, that the bill depends on.
type description struct {
	TableName              string
	KeySchema              []keyAttribute
	GlobalSecondaryIndexes []indexDescription
	LocalSecondaryIndexes  []indexDescription
}

type indexDescription struct {
	IndexName  string
	KeySchema  []keyAttribute
	Projection struct {
		ProjectionType   string
		NonKeyAttributes []string
	}
}

type keyAttribute struct{ AttributeName string }

func newTable(d description) (*table, error) {
	if len(d.LocalSecondaryIndexes) > 0 {
		return nil, fmt.Errorf("table %s has local secondary indexes, which are not metered", d.TableName)
	}
	t := &table{name: d.TableName, keys: names(d.KeySchema)}
	for _, i := range d.GlobalSecondaryIndexes {
		projected := append(names(i.KeySchema), t.keys...)
		t.indexes = append(t.indexes, index{
			name: i.IndexName, keys: names(i.KeySchema), all: i.Projection.ProjectionType == "ALL",
			projected: append(projected, i.Projection.NonKeyAttributes...),
		})
	}
	return t, nil
}

// key is the item's primary key.
func (t *table) key(i item) item { return pick(i, t.keys) }

// written is the units of a write that found one item and left another; either may be missing. Only the table's own units are
// doubled in a transaction: an index follows after it, once.
func (t *table) written(before, after item, times float64) units {
	u := units{"": times * float64(max(1, chunks(max(before.size(), after.size()), writeUnit)))}
	for _, x := range t.indexes {
		u.add(x.name, float64(x.written(x.entry(before), x.entry(after))))
	}
	return u
}

// written is the units of changing an entry: one write replaces or removes it, two move it to another key.
func (x index) written(before, after item) int {
	old, fresh := chunks(before.size(), writeUnit), chunks(after.size(), writeUnit)
	switch {
	case reflect.DeepEqual(before, after):
		return 0
	case before != nil && after != nil && reflect.DeepEqual(pick(before, x.keys), pick(after, x.keys)):
		return max(old, fresh)
	}
	return old + fresh
}

// entry is what the index holds of an item: nothing if the item lacks one of its keys.
func (x index) entry(i item) item {
	if len(pick(i, x.keys)) < len(x.keys) {
		return nil
	}
	if x.all {
		return i
	}
	return pick(i, x.projected)
}

// read is the units of reading so many bytes, at least one byte: half without strong consistency.
func read(bytes int, strong bool) float64 {
	n := float64(chunks(max(1, bytes), readUnit))
	if !strong {
		n /= 2
	}
	return n
}

func pick(i item, attributes []string) item {
	picked := make(item, len(attributes))
	for _, name := range attributes {
		if v, has := i[name]; has {
			picked[name] = v
		}
	}
	return picked
}

func names(keys []keyAttribute) []string {
	var all []string
	for _, k := range keys {
		all = append(all, k.AttributeName)
	}
	return all
}
