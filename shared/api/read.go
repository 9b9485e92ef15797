package api

import (
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"hermod/shared/delivery"
	"hermod/shared/uid"
)

// read fills the request that into points to from the path, the query and the body.
func (p *plan) read(r *http.Request, body []byte, into any) error {
	v := reflect.ValueOf(into).Elem()
	if err := p.readPath(r, v); err != nil {
		return err
	}
	if err := p.readQuery(r, v); err != nil {
		return err
	}
	return decode(body, p.body, v)
}

// readPath reads the uids of the path. What is none names nothing.
func (p *plan) readPath(r *http.Request, v reflect.Value) error {
	for _, f := range p.path {
		value, place := r.PathValue(f.name), v.FieldByIndex(f.index)
		if place.Type() == reflect.TypeFor[delivery.UID]() {
			u, ok := delivery.ParseUID(value)
			if !ok {
				return refuse(notFound, "%s in the path is no delivery's uid: one is the event's uid, _ and the webhook's uid.", shown(value))
			}
			place.Set(reflect.ValueOf(u))
			continue
		}
		if !uid.Valid(value) {
			return refuse(notFound, "%s in the path is no uid: one has 36 characters in lower case, like 0190b5a0-7c1d-7e3a-9f00-2f6b8c1d4e5f.", shown(value))
		}
		place.SetString(value)
	}
	return nil
}

// readQuery reads the query. Each parameter is known and there once.
func (p *plan) readQuery(r *http.Request, v reflect.Value) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return refuse(badParameter, "The query cannot be read: write it as name=value&name=value, percent-encoded.")
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		values := query[name]
		f, ok := find(p.query, name)
		switch {
		case !ok:
			return refuse(badParameter, "%s is no parameter of this request; %s.", shown(name), (&shape{fields: p.query}).names()).with("parameter", clip(name))
		case len(values) > 1:
			return parameter(name, "is there more than once")
		}
		if err := f.setParameter(v.FieldByIndex(f.index), values[0]); err != nil {
			return parameter(name, err.Error())
		}
	}
	return nil
}

func (f field) setParameter(v reflect.Value, value string) error {
	switch {
	case !utf8.ValidString(value):
		return errUTF8
	case f.kind == number:
		return f.setNumber(v, value)
	case f.kind == moment && strings.Contains(value, " "):
		return errPlus
	}
	return f.setText(v, value)
}

func parameter(name, sentence string) error {
	return refuse(badParameter, "%s %s", name, sentence).with("parameter", name)
}
