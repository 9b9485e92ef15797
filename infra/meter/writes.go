package meter

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// write is one item's part in a request.
type write struct {
	table *table
	kind  string // Put, Update, Delete or ConditionCheck
	key   wireItem
	id    string // of the item, among all
	put   item
	times float64 // 2 in a transaction
}

// passWrites passes a request that writes, and reads its items before and after it. Other writes to them wait meanwhile.
func (x *exchange) passWrites(c call, asking []byte) (answer, error) {
	writes, failed := x.writes(c)
	defer x.meter.items.lock(idsOf(writes))()
	defer x.meter.writing()()
	var before, after map[string]item
	if failed == nil {
		before, failed = x.images(writes, "")
	}
	a, err := x.send(x.operation, asking)
	if err != nil {
		return a, err
	}
	refused := a.StatusCode != http.StatusOK
	if refused && !conditionFailed(a) {
		return a, nil
	}
	if failed == nil && !refused {
		after, failed = x.images(writes, "Update")
	}
	switch {
	case failed != nil:
		x.differs("%v", failed)
	case refused:
		x.count(asWrites(refusedBill(writes, before).sum()))
	case unprocessed(a):
		x.differs("it was done in part, which is not metered")
	default:
		x.compare(writtenBill(writes, before, after), a, asWrites)
	}
	return a, nil
}

// writes lists the items that a request writes.
func (x *exchange) writes(c call) ([]write, error) {
	switch x.operation {
	case "PutItem":
		return x.appendWrite(nil, "Put", c, 1)
	case "UpdateItem":
		return x.appendWrite(nil, "Update", c, 1)
	case "DeleteItem":
		return x.appendWrite(nil, "Delete", c, 1)
	case "BatchWriteItem":
		return x.batchWrites(c)
	}
	var all []write
	var err error
	for _, member := range c.TransactItems {
		for kind, one := range member {
			if all, err = x.appendWrite(all, kind, one, 2); err != nil {
				return all, err
			}
		}
	}
	return all, nil
}

func (x *exchange) batchWrites(c call) ([]write, error) {
	var tables map[string][]map[string]call
	if err := json.Unmarshal(c.RequestItems, &tables); err != nil {
		return nil, err
	}
	var all []write
	var err error
	for name, members := range tables {
		for _, member := range members {
			for kind, one := range member {
				one.TableName = name
				if all, err = x.appendWrite(all, map[string]string{"PutRequest": "Put", "DeleteRequest": "Delete"}[kind], one, 1); err != nil {
					return all, err
				}
			}
		}
	}
	return all, nil
}

func (x *exchange) appendWrite(all []write, kind string, c call, times float64) ([]write, error) {
	t, err := x.table(c.TableName)
	if err != nil {
		return all, err
	}
	w := write{table: t, kind: kind, key: c.Key, times: times}
	if kind == "Put" {
		w.key = wireItem{}
		for _, name := range t.keys {
			w.key[name] = c.Item[name]
		}
		if w.put, err = c.Item.item(); err != nil {
			return all, err
		}
	}
	key, err := w.key.item()
	w.id = idOf(t.name, key)
	return append(all, w), err
}

// images reads the items of the writes, or of those of one kind.
func (x *exchange) images(writes []write, kind string) (map[string]item, error) {
	keys := map[string][]wireItem{}
	for _, w := range writes {
		if kind == "" || kind == w.kind {
			keys[w.table.name] = append(keys[w.table.name], w.key)
		}
	}
	return x.items(keys)
}

// writtenBill is for writes that were made.
func writtenBill(writes []write, before, after map[string]item) bill {
	b := bill{}
	for _, w := range writes {
		left := map[string]item{"Put": w.put, "Update": after[w.id], "ConditionCheck": before[w.id]}[w.kind]
		b.add(w.table.name, w.table.written(before[w.id], left, w.times))
	}
	return b
}

// refusedBill is for writes that were refused for a condition: as much as they would have cost in the table, as far as that is
// known; indexes are left alone. What AWS takes for a cancelled transaction is not documented: this is the most it can be.
func refusedBill(writes []write, before map[string]item) bill {
	b := bill{}
	for _, w := range writes {
		b.add(w.table.name, units{"": w.table.written(before[w.id], w.put, w.times)[""]})
	}
	return b
}

func conditionFailed(a answer) bool {
	refusal := a.refusal()
	return refusal == "ConditionalCheckFailedException" || refusal == "TransactionCanceledException"
}

// unprocessed reports whether a batch was left undone in part.
func unprocessed(a answer) bool {
	var left struct{ UnprocessedItems, UnprocessedKeys map[string]json.RawMessage }
	return json.Unmarshal(a.body, &left) == nil && len(left.UnprocessedItems)+len(left.UnprocessedKeys) > 0
}

func idsOf(writes []write) []string {
	var ids []string
	for _, w := range writes {
		ids = append(ids, w.id)
	}
	return ids
}

// idOf names an item among all: fmt prints maps in the order of their keys.
func idOf(table string, key item) string { return fmt.Sprint(table, key) }

func (w wireItem) item() (item, error) {
	raw, err := json.Marshal(w)
	if err != nil {
		return nil, err
	}
	var i item
	return i, json.Unmarshal(raw, &i)
}
