package meter

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
)

// definition is a table with an index of each projection.
const definition = `{
	"TableName": "things",
	"KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
	"GlobalSecondaryIndexes": [
		{"IndexName": "keys", "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}], "Projection": {"ProjectionType": "KEYS_ONLY"}},
		{"IndexName": "some", "KeySchema": [{"AttributeName": "s", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
		 "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["step"]}},
		{"IndexName": "all", "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}
	]
}`

func TestWritesCostByTheLargerItemAndByIndex(t *testing.T) {
	table := things(t)
	big := func(n int) string { return `,"text":{"S":"` + strings.Repeat("x", n) + `"}` }
	for _, tt := range []struct {
		name          string
		before, after string // attributes besides the keys; "-": no item
		want          units
	}{
		{"a new item", "-", ``, units{"": 1}},
		{"an item that is not there is deleted", "-", "-", units{"": 1}},
		{"1024 bytes are one unit", "-", big(1024 - 10), units{"": 1}},
		{"1025 bytes are two", "-", big(1024 - 9), units{"": 2}},
		{"a large item becomes small", big(3000), ``, units{"": 3}},
		{"a large item is deleted", big(3000), "-", units{"": 3}},
		{"an entry is made", ``, `,"k":{"S":"1"}`, units{"": 1, "keys": 1}},
		{"an entry is removed", `,"k":{"S":"1"}`, ``, units{"": 1, "keys": 1}},
		{"an entry goes with its item", `,"k":{"S":"1"}`, "-", units{"": 1, "keys": 1}},
		{"an entry moves", `,"k":{"S":"1"}`, `,"k":{"S":"2"}`, units{"": 1, "keys": 2}},
		{"an entry stays as it is", `,"k":{"S":"1"}`, `,"k":{"S":"1"},"x":{"S":"new"}`, units{"": 1}},
		{"an index of two keys needs both", ``, `,"s":{"S":"1"}`, units{"": 1}},
		{"both are there", ``, `,"s":{"S":"1"},"at":{"N":"5"}`, units{"": 1, "some": 1}},
		{"the second key moves an entry too", `,"s":{"S":"1"},"at":{"N":"5"}`, `,"s":{"S":"1"},"at":{"N":"6"}`, units{"": 1, "some": 2}},
		{"the same number is no move", `,"s":{"S":"1"},"at":{"N":"5"}`, `,"s":{"S":"1"},"at":{"N":"5.0"}`, units{"": 1}},
		{"what an index holds changes", `,"s":{"S":"1"},"at":{"N":"5"},"step":{"N":"1"}`, `,"s":{"S":"1"},"at":{"N":"5"},"step":{"N":"2"}`, units{"": 1, "some": 1}},
		{"what an index does not hold changes", `,"s":{"S":"1"},"at":{"N":"5"}`, `,"s":{"S":"1"},"at":{"N":"5"}` + big(2000), units{"": 2}},
		{"an index of all holds everything", `,"a":{"S":"1"}`, `,"a":{"S":"1"}` + big(2000), units{"": 2, "all": 2}},
		{"a large entry moves", `,"a":{"S":"1"}` + big(2000), `,"a":{"S":"2"}` + big(3000), units{"": 3, "all": 5}},
	} {
		before, after := thing(t, tt.before), thing(t, tt.after)
		if got := table.written(before, after, 1); !maps.Equal(got, tt.want) {
			t.Errorf("%s: the write costs %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestATransactionDoublesTheTablesUnits(t *testing.T) {
	got := things(t).written(nil, thing(t, `,"k":{"S":"1"}`), 2)
	if want := (units{"": 2, "keys": 1}); !maps.Equal(got, want) {
		t.Errorf("the write costs %v, want %v", got, want)
	}
}

func TestReadsCostByFourKilobytes(t *testing.T) {
	for _, tt := range []struct {
		bytes  int
		strong bool
		want   float64
	}{
		{0, true, 1}, {0, false, 0.5}, {1, true, 1}, {4096, true, 1}, {4097, true, 2}, {4096, false, 0.5}, {4097, false, 1}, {13000, false, 2},
	} {
		if got := read(tt.bytes, tt.strong); got != tt.want {
			t.Errorf("read(%d, %v) = %v, want %v", tt.bytes, tt.strong, got, tt.want)
		}
	}
}

func TestALocalIndexIsRefused(t *testing.T) {
	if _, err := newTable(description{TableName: "things", LocalSecondaryIndexes: make([]indexDescription, 1)}); err == nil {
		t.Error("newTable() with a local index succeeds, want an error")
	}
}

func things(t testing.TB) *table {
	t.Helper()
	var d description
	if err := json.Unmarshal([]byte(definition), &d); err != nil {
		t.Fatal(err)
	}
	table, err := newTable(d)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// thing is an item with keys of 6 bytes, names included, and more attributes.
func thing(t testing.TB, more string) item {
	t.Helper()
	if more == "-" {
		return nil
	}
	return parse(t, fmt.Sprintf(`{"pk":{"S":"p"},"sk":{"S":"s"}%s}`, more))
}
