package api

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"hermod/shared/access"
	"hermod/shared/delivery"
	"hermod/shared/input"
	"hermod/shared/job"
	"hermod/shared/webhook"
)

// kind is what a value of a request is.
type kind string

const (
	text   kind = "string"
	number kind = "integer"
	flag   kind = "boolean"
	moment kind = "time"
	free   kind = "any" // any JSON, kept as it is
	array  kind = "array"
	object kind = "object"
)

// shape says what a value of a request may be. It is made of the request type once, when the program starts: of Go types, and
// of the words in the tag `api`:
//
//	required     must be there
//	nullable     may be null, which is the same as absent unless the type is opt
//	uid          the text of a uid
//	range=1..20  a number's lowest and highest
//	one=a|b      a text is one of these; types with known words (job.Status and the like) need no tag
type shape struct {
	kind     kind
	required bool
	nullable bool
	optional bool // the Go type is opt
	uid      bool
	low      int
	high     int
	words    []string
	items    *shape  // of an array
	fields   []field // of an object
}

// field is a named value in a request type.
type field struct {
	name  string
	index []int // where reflect finds it
	*shape
}

// opt is a field of which the handler must know whether it was there. Only nullable fields can be null.
type opt[T any] struct {
	value T
	given bool
	null  bool
}

// optional is every opt.
type optional interface {
	// give notes that the field was there, and returns the place for its value.
	give(null bool) reflect.Value
}

func (o *opt[T]) give(null bool) reflect.Value {
	o.given, o.null = true, null
	return reflect.ValueOf(&o.value).Elem()
}

func (o opt[T]) kindOfValue() reflect.Type { return reflect.TypeFor[T]() }

// plan is how a request type is read: names in the path, in the query and in the body.
type plan struct {
	path  []field
	query []field
	body  *shape
}

// vocabulary is the words of types that have a list of them.
var vocabulary = map[reflect.Type][]string{
	reflect.TypeFor[access.Scope]():        texts(access.Scopes),
	reflect.TypeFor[input.Status]():        texts(input.Statuses),
	reflect.TypeFor[job.Status]():          texts(job.Statuses),
	reflect.TypeFor[job.EventType]():       texts(job.EventTypes),
	reflect.TypeFor[job.Format]():          texts(job.Formats),
	reflect.TypeFor[delivery.State]():      texts(delivery.States),
	reflect.TypeFor[delivery.ErrorClass](): texts(delivery.ErrorClasses),
	reflect.TypeFor[webhook.Scheme]():      texts(webhook.Schemes),
}

func texts[T ~string](words []T) []string {
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = string(w)
	}
	return list
}

// planOf returns the plan of a request type. A type that cannot be planned is a panic: it is a mistake in this package.
func planOf[Q any]() *plan {
	t := reflect.TypeFor[Q]()
	return &plan{
		path:  fieldsOf(t, "path"),
		query: fieldsOf(t, "query"),
		body:  &shape{kind: object, fields: fieldsOf(t, "json")},
	}
}

// fieldsOf returns the fields of a struct that have the tag, those of embedded structs included.
func fieldsOf(t reflect.Type, tag string) []field {
	var list []field
	for _, f := range reflect.VisibleFields(t) {
		if name := f.Tag.Get(tag); name != "" {
			s := shapeOf(f.Type)
			s.tagged(f.Tag.Get("api"))
			list = append(list, field{name: name, index: f.Index, shape: s})
		}
	}
	return list
}

func shapeOf(t reflect.Type) *shape {
	s := &shape{}
	if o, ok := reflect.Zero(t).Interface().(interface{ kindOfValue() reflect.Type }); ok {
		t, s.optional = o.kindOfValue(), true
	}
	switch {
	case t == reflect.TypeFor[json.RawMessage]():
		s.kind = free
	case t == reflect.TypeFor[time.Time]():
		s.kind = moment
	case t == reflect.TypeFor[delivery.UID](), t.Kind() == reflect.String:
		s.kind, s.words = text, vocabulary[t]
	case t.Kind() == reflect.Int:
		s.kind, s.low, s.high = number, -1<<53, 1<<53
	case t.Kind() == reflect.Bool:
		s.kind = flag
	case t.Kind() == reflect.Slice:
		s.kind, s.items = array, shapeOf(t.Elem())
	case t.Kind() == reflect.Struct:
		s.kind, s.fields = object, fieldsOf(t, "json")
	default:
		panic(fmt.Sprintf("api: a request cannot have a %v", t))
	}
	return s
}

// tagged reads the words of the tag `api`.
func (s *shape) tagged(tag string) {
	for word := range strings.SplitSeq(tag, ",") {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "":
		case "required":
			s.required = true
		case "nullable":
			s.nullable = true
		case "uid":
			s.uid = true
		case "one":
			s.words = strings.Split(value, "|")
		case "range":
			low, high, _ := strings.Cut(value, "..")
			s.low, s.high = must(strconv.Atoi(low)), must(strconv.Atoi(high))
		default:
			panic(fmt.Sprintf("api: unknown word %q in a tag", word))
		}
	}
}

func must(n int, err error) int {
	if err != nil {
		panic(err)
	}
	return n
}

// wanted says in words what the value should be.
func (s *shape) wanted() string {
	null := ""
	if s.nullable {
		null = " or null"
	}
	switch s.kind {
	case text:
		switch {
		case s.words != nil:
			return "one of " + strings.Join(s.words, ", ") + null
		case s.uid:
			return "a uid, 36 characters like 0190b5a0-7c1d-7e3a-9f00-2f6b8c1d4e5f in lower case" + null
		}
		return "a string" + null
	case number:
		if s.low > -1<<53 {
			return fmt.Sprintf("a whole number from %d to %d%s", s.low, s.high, null)
		}
		return "a whole number" + null
	case flag:
		return "true or false" + null
	case moment:
		return "a time like 2026-01-31T09:30:00Z" + null
	case array:
		return "an array" + null
	case object:
		return "an object" + null
	}
	return "any JSON"
}

// names lists the fields of an object for a sentence.
func (s *shape) names() string {
	if len(s.fields) == 0 {
		return "it takes none"
	}
	return "it takes " + strings.Join(namesOf(s.fields), ", ")
}

func namesOf(fields []field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	return names
}

func find(fields []field, name string) (field, bool) {
	i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
	if i < 0 {
		return field{}, false
	}
	return fields[i], true
}
