package meter

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// units are capacity units by the name of an index; the table's own have none. Zeros are left out.
type units map[string]float64

// bill is units by the name of a table.
type bill map[string]units

func (u units) add(index string, n float64) {
	if n != 0 {
		u[index] += n
	}
}

func (u units) String() string {
	var parts []string
	for _, index := range slices.Sorted(maps.Keys(u)) {
		name := index
		if index == "" {
			name = "table"
		}
		parts = append(parts, fmt.Sprintf("%s %g", name, u[index]))
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func (b bill) add(table string, u units) {
	if b[table] == nil {
		b[table] = units{}
	}
	for index, n := range u {
		b[table].add(index, n)
	}
}

func (b bill) sum() float64 {
	n := 0.0
	for _, u := range b {
		for _, of := range u {
			n += of
		}
	}
	return n
}

func (b bill) equal(c bill) bool {
	return maps.EqualFunc(b, c, func(u, v units) bool { return maps.Equal(u, v) })
}

// consumed is ConsumedCapacity as an answer has it. The members of reads and writes apart, which transactions add, say the same.
type consumed struct {
	TableName              string
	CapacityUnits          float64
	Table                  struct{ CapacityUnits float64 }
	GlobalSecondaryIndexes map[string]struct{ CapacityUnits float64 } `json:",omitempty"`
}

// parseConsumed reads the ConsumedCapacity of an answer: one, or a list.
func parseConsumed(raw json.RawMessage) (bill, error) {
	var all []consumed
	if err := json.Unmarshal(raw, &all); err != nil {
		var one consumed
		if err := json.Unmarshal(raw, &one); err != nil {
			return nil, fmt.Errorf("read ConsumedCapacity: %w", err)
		}
		all = []consumed{one}
	}
	b := bill{}
	for _, c := range all {
		u := units{}
		u.add("", c.Table.CapacityUnits)
		for index, of := range c.GlobalSecondaryIndexes {
			u.add(index, of.CapacityUnits)
		}
		b.add(c.TableName, u)
	}
	return b, nil
}

// totals takes the indexes out of ConsumedCapacity, for who asked for TOTAL.
func totals(raw json.RawMessage) (json.RawMessage, error) {
	var list []map[string]json.RawMessage
	if json.Unmarshal(raw, &list) == nil {
		for _, one := range list {
			delete(one, "Table")
			delete(one, "GlobalSecondaryIndexes")
		}
		return json.Marshal(list)
	}
	var one map[string]json.RawMessage
	if err := json.Unmarshal(raw, &one); err != nil {
		return nil, fmt.Errorf("read ConsumedCapacity: %w", err)
	}
	delete(one, "Table")
	delete(one, "GlobalSecondaryIndexes")
	return json.Marshal(one)
}
