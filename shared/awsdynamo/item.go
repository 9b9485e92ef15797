package awsdynamo

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// format is the format of the items that this release writes, in the attribute f.
const format = 1

// item is an item, or the values of an expression. A number that is zero and a text that is empty are not stored.
type item map[string]types.AttributeValue

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

// moment is a time in milliseconds, 0 for the zero time.
func moment(t time.Time) types.AttributeValue {
	if t.IsZero() {
		return number(0)
	}
	return number(t.UnixMilli())
}
func octets(b []byte) types.AttributeValue { return &types.AttributeValueMemberB{Value: b} }

// setText stores a text, or removes the attribute if it is empty.
func (i item) setText(name, s string) {
	if s == "" {
		delete(i, name)
		return
	}
	i[name] = text(s)
}

// setOctets stores octets, or removes the attribute if there are none.
func (i item) setOctets(name string, b []byte) {
	if len(b) == 0 {
		delete(i, name)
		return
	}
	i[name] = octets(b)
}

// setInt stores a number, or removes the attribute if it is zero.
func (i item) setInt(name string, n int) {
	if n == 0 {
		delete(i, name)
		return
	}
	i[name] = number(int64(n))
}

// setFlag stores true, or removes the attribute.
func (i item) setFlag(name string, is bool) {
	delete(i, name)
	if is {
		i[name] = number(1)
	}
}

// setTime stores a time as milliseconds, or removes the attribute if it is zero.
func (i item) setTime(name string, t time.Time) {
	if t.IsZero() {
		delete(i, name)
		return
	}
	i[name] = number(t.UnixMilli())
}

// setJSON stores a document as JSON.
func (i item) setJSON(name string, doc any) {
	b, err := json.Marshal(doc)
	if err != nil {
		panic(fmt.Sprintf("awsdynamo: encode %T: %v", doc, err)) // no document has a field that can fail
	}
	i[name] = text(string(b))
}

// setExpiry stores when the item expires: for DynamoDB in whole seconds, rounded up.
func (i item) setExpiry(at time.Time) { i["ttl"] = number(at.Add(time.Second - 1).Unix()) }

func (i item) text(name string) string {
	if v, ok := i[name].(*types.AttributeValueMemberS); ok {
		return v.Value
	}
	return ""
}

func (i item) octets(name string) []byte {
	if v, ok := i[name].(*types.AttributeValueMemberB); ok {
		return v.Value
	}
	return nil
}

func (i item) int(name string) int {
	if v, ok := i[name].(*types.AttributeValueMemberN); ok {
		n, _ := strconv.ParseInt(v.Value, 10, 64)
		return int(n)
	}
	return 0
}

func (i item) flag(name string) bool { return i.int(name) != 0 }

func (i item) list(name string) []types.AttributeValue {
	if v, ok := i[name].(*types.AttributeValueMemberL); ok {
		return v.Value
	}
	return nil
}

// time reads milliseconds; the zero time where there is none, or zero.
func (i item) time(name string) time.Time {
	ms := i.int(name)
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(ms)).UTC()
}

// json reads a document; an attribute that is not there leaves doc as it is.
func (i item) json(name string, doc any) error {
	s := i.text(name)
	if s == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(s), doc); err != nil {
		return fmt.Errorf("attribute %s of item %s %s: %w", name, i.text("pk"), i.text("sk"), err)
	}
	return nil
}

// expired reports whether the item's time to live is over; DynamoDB removes it within days.
func (i item) expired(now time.Time) bool {
	ttl := i.int("ttl")
	return ttl != 0 && now.Unix() >= int64(ttl)
}

// readable returns an error for an item of a format that only a later release reads.
func (i item) readable() error {
	if f := i.int("f"); f > format {
		return fmt.Errorf("%w: item %s %s is of format %d", errFormat, i.text("pk"), i.text("sk"), f)
	}
	return nil
}

// alive is the item, nil if it has expired.
func (i item) alive(now time.Time) item {
	if i.expired(now) {
		return nil
	}
	return i
}

func (i item) clone() item { return maps.Clone(i) }
