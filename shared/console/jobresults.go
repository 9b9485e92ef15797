package console

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"
)

const columnsShown = 8

// resultsView is a page of a job's results: a table if they are alike, else one after the other.
type resultsView struct {
	Columns []string // empty: no table
	More    int      // columns that are not shown
	Cells   [][]string
	Rows    []json.RawMessage // where there is no table
	Next    string
}

func (c *call) resultsOf(ctx context.Context, j job) (resultsView, error) {
	found, err := get[list[json.RawMessage]](ctx, c, jobPath(j.UID)+"/results", c.query("cursor"))
	if err != nil {
		return resultsView{}, err
	}
	view := tabulate(found.Results)
	view.Next = c.nextPage(found.cursor())
	return view, nil
}

// tabulate returns rows as a table if each is an object with the same keys, whose values are neither objects nor lists.
func tabulate(rows []json.RawMessage) resultsView {
	plain := resultsView{Rows: rows}
	var table resultsView
	for i, row := range rows {
		var fields map[string]json.RawMessage
		if json.Unmarshal(row, &fields) != nil || len(fields) == 0 || !flat(fields) {
			return plain
		}
		if i == 0 {
			table.Columns = keysOf(row)
		}
		if len(fields) != len(table.Columns) || slices.ContainsFunc(table.Columns, func(key string) bool { return fields[key] == nil }) {
			return plain
		}
		cells := make([]string, min(len(table.Columns), columnsShown))
		for k := range cells {
			cells[k] = textOf(fields[table.Columns[k]])
		}
		table.Cells = append(table.Cells, cells)
	}
	table.More = max(0, len(table.Columns)-columnsShown)
	table.Columns = table.Columns[:len(table.Columns)-table.More]
	return table
}

func flat(fields map[string]json.RawMessage) bool {
	for value := range maps.Values(fields) {
		if value[0] == '{' || value[0] == '[' {
			return false
		}
	}
	return true
}

// keysOf returns the keys of a flat object in the order in which they are written, each once.
func keysOf(object json.RawMessage) (keys []string) {
	seen := map[string]bool{}
	d := json.NewDecoder(bytes.NewReader(object))
	d.Token() // {
	for d.More() {
		key, _ := d.Token()
		d.Token() // the value
		if text, ok := key.(string); ok && !seen[text] {
			keys, seen[text] = append(keys, text), true
		}
	}
	return keys
}

// textOf returns a value as a cell shows it: a text without its quotes, and nothing for null.
func textOf(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}
