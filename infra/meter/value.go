package meter

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxDepth is how deep a value may be nested.
const maxDepth = 32

var errNotAValue = errors.New("not an attribute value")

// item is an item, or a value of type map. A missing item is nil.
type item map[string]value

// value is an attribute's value in a form in which equal values are deeply equal.
type value struct {
	kind  string   // S, N, B, BOOL, NULL, L, M, SS, NS or BS
	text  string   // of S and BOOL; the bytes of B; the canonical form of N
	texts []string // of a set, sorted
	list  []value
	items item
	size  int
}

// ItemSize is the size of an item in its wire form, {"pk":{"S":"…"},…}, in bytes as DynamoDB counts them.
func ItemSize(wire []byte) (int, error) {
	var i item
	if err := json.Unmarshal(wire, &i); err != nil {
		return 0, fmt.Errorf("size of an item: %w", err)
	}
	return i.size(), nil
}

func (i *item) UnmarshalJSON(raw []byte) (err error) {
	*i, err = decodeItem(raw, 0)
	return err
}

func decodeItem(raw []byte, depth int) (item, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, err
	}
	if fields == nil {
		return nil, nil
	}
	i := make(item, len(fields))
	for name, field := range fields {
		v, err := decodeValue(field, depth)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		i[name] = v
	}
	return i, nil
}

// decodeValue reads an object with one member, whose name is the type of what it holds.
func decodeValue(raw []byte, depth int) (value, error) {
	if depth > maxDepth {
		return value{}, fmt.Errorf("%w: nested deeper than %d", errNotAValue, maxDepth)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return value{}, err
	}
	if len(members) != 1 {
		return value{}, fmt.Errorf("%w: it has %d types", errNotAValue, len(members))
	}
	for kind, content := range members {
		v := value{kind: kind}
		if err := v.decode(content, depth); err != nil {
			return value{}, fmt.Errorf("%s: %w", kind, err)
		}
		return v, nil
	}
	return value{}, errNotAValue
}

func (v *value) decode(raw []byte, depth int) error {
	switch v.kind {
	case "S", "N", "B":
		var text string
		err := json.Unmarshal(raw, &text)
		if err != nil {
			return err
		}
		v.text, v.size, err = scalar(v.kind, text)
		return err
	case "SS", "NS", "BS":
		return v.decodeSet(raw)
	case "BOOL", "NULL":
		var is bool
		err := json.Unmarshal(raw, &is)
		v.text, v.size = strconv.FormatBool(is), 1
		return err
	case "L":
		return v.decodeList(raw, depth)
	case "M":
		return v.decodeMap(raw, depth)
	}
	return fmt.Errorf("%w: unknown type", errNotAValue)
}

// decodeSet reads a set, which is as large as its elements together.
func (v *value) decodeSet(raw []byte) error {
	var texts []string
	if err := json.Unmarshal(raw, &texts); err != nil {
		return err
	}
	for _, text := range texts {
		element, size, err := scalar(v.kind[:1], text)
		if err != nil {
			return err
		}
		v.texts = append(v.texts, element)
		v.size += size
	}
	slices.Sort(v.texts)
	return nil
}

// A list or map takes 3 bytes, and 1 more for each element.
func (v *value) decodeList(raw []byte, depth int) error {
	var elements []json.RawMessage
	if err := json.Unmarshal(raw, &elements); err != nil {
		return err
	}
	v.size = 3
	for _, e := range elements {
		element, err := decodeValue(e, depth+1)
		if err != nil {
			return err
		}
		v.list = append(v.list, element)
		v.size += 1 + element.size
	}
	return nil
}

func (v *value) decodeMap(raw []byte, depth int) error {
	fields, err := decodeItem(raw, depth+1)
	v.items = fields
	v.size = 3 + len(fields) + fields.size()
	return err
}

// size is that of the names and values.
func (i item) size() int {
	n := 0
	for name, v := range i {
		n += len(name) + v.size
	}
	return n
}

// scalar returns the form of a string, number or binary in which equal ones are the same, and its size.
func scalar(kind, text string) (string, int, error) {
	switch kind {
	case "N":
		n, err := parseNumber(text)
		return n.String(), n.size(), err
	case "B":
		raw, err := base64.StdEncoding.DecodeString(text)
		return string(raw), len(raw), err
	}
	return text, len(text), nil
}

// number is a decimal number: 0.digits times ten to the power of point.
type number struct {
	negative bool
	digits   string // without zeros at the ends; empty: zero
	point    int
}

func parseNumber(s string) (number, error) {
	var n number
	unsigned := strings.TrimPrefix(s, "+")
	if unsigned == s {
		unsigned, n.negative = strings.CutPrefix(s, "-")
	}
	mantissa, exponent := unsigned, 0
	if at := strings.IndexAny(unsigned, "eE"); at >= 0 {
		var err error
		if exponent, err = strconv.Atoi(unsigned[at+1:]); err != nil || exponent < -200 || exponent > 200 {
			return number{}, fmt.Errorf("%w: the number %q", errNotAValue, s)
		}
		mantissa = unsigned[:at]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	all := whole + fraction
	if all == "" || strings.Trim(all, "0123456789") != "" {
		return number{}, fmt.Errorf("%w: the number %q", errNotAValue, s)
	}
	digits := strings.TrimLeft(all, "0")
	n.point = len(whole) + exponent - (len(all) - len(digits))
	if n.digits = strings.TrimRight(digits, "0"); n.digits == "" {
		return number{}, nil
	}
	return n, nil
}

func (n number) String() string {
	sign := ""
	if n.negative {
		sign = "-"
	}
	return fmt.Sprintf("%s0.%sE%d", sign, n.digits, n.point)
}

// size is 1 byte, 1 for each two digits, counted apart on both sides of the decimal point, and 1 for a minus, at most 21. The
// guide says "approximately"; this is what was measured of the service.
func (n number) size() int {
	whole := min(max(n.point, 0), len(n.digits))
	size := 1 + chunks(whole, 2) + chunks(len(n.digits)-whole, 2)
	if n.negative {
		size++
	}
	return min(size, 21)
}

// chunks is how many pieces of at most the given size n is cut into.
func chunks(n, size int) int { return (n + size - 1) / size }
