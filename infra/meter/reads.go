package meter

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
)

// get is the reading of keys of one table.
type get struct {
	table   string
	keys    []wireItem
	strong  bool
	times   float64 // 2 in a transaction
	partial bool
}

// passGets passes a request that reads by key. What is read is what the answer has, or, where that is only a part, what the
// meter reads itself.
func (x *exchange) passGets(c call, asking []byte) (answer, error) {
	gets, failed := x.gets(c)
	unchanged := x.meter.watch()
	a, err := x.send(x.operation, asking)
	if err != nil || a.StatusCode != http.StatusOK {
		return a, err
	}
	comparable := true
	var b bill
	switch {
	case failed != nil:
	case slices.ContainsFunc(gets, func(g get) bool { return g.partial }):
		b, failed = x.gotBill(gets)
		comparable = unchanged() && x.operation != "GetItem" // for which dynoxide 1.2.1 counts only what it answers
	default:
		b, failed = answeredBill(gets, a)
	}
	x.countReads(b, a, comparable, failed)
	return a, nil
}

// countReads counts what was read, and compares it where that is possible.
func (x *exchange) countReads(b bill, a answer, comparable bool, failed error) {
	switch {
	case failed != nil:
		x.differs("%v", failed)
	case unprocessed(a):
		x.differs("it was done in part, which is not metered")
	case comparable:
		x.compare(b, a, asReads)
	default:
		x.count(asReads(b.sum()))
	}
}

// gets lists what a request reads by key.
func (x *exchange) gets(c call) ([]get, error) {
	switch x.operation {
	case "GetItem":
		return []get{{table: c.TableName, keys: []wireItem{c.Key}, strong: c.ConsistentRead, times: 1, partial: c.partial()}}, nil
	case "TransactGetItems":
		var all []get
		for _, member := range c.TransactItems {
			one := member["Get"]
			all = append(all, get{table: one.TableName, keys: []wireItem{one.Key}, strong: true, times: 2, partial: one.partial()})
		}
		return all, nil
	}
	var tables map[string]call
	if err := json.Unmarshal(c.RequestItems, &tables); err != nil {
		return nil, err
	}
	var all []get
	for name, one := range tables {
		all = append(all, get{table: name, keys: one.Keys, strong: one.ConsistentRead, times: 1, partial: one.partial()})
	}
	return all, nil
}

// gotBill is for what the meter finds at the keys.
func (x *exchange) gotBill(gets []get) (bill, error) {
	keys := map[string][]wireItem{}
	for _, g := range gets {
		keys[g.table] = append(keys[g.table], g.keys...)
	}
	items, err := x.items(keys)
	if err != nil {
		return nil, err
	}
	b := bill{}
	for _, g := range gets {
		for _, wire := range g.keys {
			key, err := wire.item()
			if err != nil {
				return nil, err
			}
			b.add(g.table, units{"": g.times * read(items[idOf(g.table, key)].size(), g.strong)})
		}
	}
	return b, nil
}

// answeredBill is for whole items in an answer. A key without an item costs as much as a small one.
func answeredBill(gets []get, a answer) (bill, error) {
	found, err := answered(gets, a)
	if err != nil {
		return nil, err
	}
	b := bill{}
	for i, g := range gets {
		for _, one := range found[i] {
			b.add(g.table, units{"": g.times * read(one.size(), g.strong)})
		}
		missing := float64(len(g.keys) - len(found[i]))
		b.add(g.table, units{"": missing * g.times * read(0, g.strong)})
	}
	return b, nil
}

// answered returns the items of each get.
func answered(gets []get, a answer) ([][]item, error) {
	var got struct {
		Item      item
		Responses json.RawMessage
	}
	if err := json.Unmarshal(a.body, &got); err != nil {
		return nil, err
	}
	if got.Responses == nil {
		return [][]item{present(got.Item)}, nil
	}
	found := make([][]item, len(gets))
	var list []struct{ Item item }
	if json.Unmarshal(got.Responses, &list) == nil {
		for i, one := range list[:min(len(list), len(gets))] {
			found[i] = present(one.Item)
		}
		return found, nil
	}
	var tables map[string][]item
	err := json.Unmarshal(got.Responses, &tables)
	for i, g := range gets {
		found[i] = tables[g.table]
	}
	return found, err
}

// passQuery passes a Query or Scan, which is billed for what it looks at, all together. Where the answer has only a part of
// that, the meter makes the same request without its filter.
func (x *exchange) passQuery(c call, asking []byte) (answer, error) {
	unchanged := x.meter.watch()
	a, err := x.send(x.operation, asking)
	if err != nil || a.StatusCode != http.StatusOK {
		return a, err
	}
	if c.partial() {
		b, failed := x.lookedAt(c)
		x.countReads(b, a, unchanged(), failed)
		return a, nil
	}
	b, failed := queriedBill(c, a.body)
	x.countReads(b, a, true, failed)
	return a, nil
}

// lookedAt is for what the query looks at.
func (x *exchange) lookedAt(c call) (bill, error) {
	body, err := unfiltered(x.body, c.KeyConditionExpression)
	if err != nil {
		return nil, err
	}
	var found json.RawMessage
	if err := x.ask(x.operation, body, &found); err != nil {
		return nil, err
	}
	return queriedBill(c, found)
}

func queriedBill(c call, body []byte) (bill, error) {
	var got struct{ Items []item }
	if err := json.Unmarshal(body, &got); err != nil {
		return nil, err
	}
	size := 0
	for _, one := range got.Items {
		size += one.size()
	}
	b := bill{}
	b.add(c.TableName, units{c.IndexName: read(size, c.ConsistentRead)})
	return b, nil
}

// placeholder is a name or value in an expression.
var placeholder = regexp.MustCompile(`[#:][A-Za-z0-9_]+`)

// unfiltered is a query without what makes its answer smaller, and without the names and values that only that needs: the
// service refuses such.
func unfiltered(body []byte, keyCondition string) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return nil, err
	}
	for _, name := range []string{"FilterExpression", "ProjectionExpression", "Select", "AttributesToGet", "QueryFilter", "ScanFilter", "ConditionalOperator"} {
		delete(members, name)
	}
	needed := placeholder.FindAllString(keyCondition, -1)
	for _, name := range []string{"ExpressionAttributeNames", "ExpressionAttributeValues"} {
		var substitutes map[string]json.RawMessage
		if err := json.Unmarshal(members[name], &substitutes); err != nil || substitutes == nil {
			continue
		}
		maps.DeleteFunc(substitutes, func(key string, _ json.RawMessage) bool { return !slices.Contains(needed, key) })
		delete(members, name)
		if len(substitutes) > 0 {
			left, err := json.Marshal(substitutes)
			if err != nil {
				return nil, err
			}
			members[name] = left
		}
	}
	return members, nil
}

// items reads items by their keys, for the meter itself, and returns those there are by id.
func (x *exchange) items(keys map[string][]wireItem) (map[string]item, error) {
	type page struct {
		Keys           []wireItem
		ConsistentRead bool
	}
	request := map[string]page{}
	for table, of := range keys {
		request[table] = page{of, true}
	}
	found := map[string]item{}
	for len(request) > 0 {
		var got struct {
			Responses       map[string][]item
			UnprocessedKeys map[string]page
		}
		if err := x.ask("BatchGetItem", map[string]any{"RequestItems": request}, &got); err != nil {
			return nil, err
		}
		for name, items := range got.Responses {
			t, err := x.table(name)
			if err != nil {
				return nil, err
			}
			for _, one := range items {
				found[idOf(name, t.key(one))] = one
			}
		}
		if len(got.UnprocessedKeys) > 0 && len(got.Responses) == 0 {
			return nil, fmt.Errorf("%w: the engine leaves keys unprocessed", errMeasure)
		}
		request = got.UnprocessedKeys
	}
	return found, nil
}

func present(i item) []item {
	if i == nil {
		return nil
	}
	return []item{i}
}
