package awsdynamo

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"hermod/shared/job"
)

// wireOf is an item in its wire form.
func wireOf(i item) map[string]any {
	wire := map[string]any{}
	for name, v := range i {
		wire[name] = wireValue(v)
	}
	return wire
}

func wireValue(v types.AttributeValue) any {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return map[string]any{"S": v.Value}
	case *types.AttributeValueMemberN:
		return map[string]any{"N": v.Value}
	case *types.AttributeValueMemberB:
		return map[string]any{"B": v.Value}
	case *types.AttributeValueMemberBOOL:
		return map[string]any{"BOOL": v.Value}
	case *types.AttributeValueMemberL:
		list := make([]any, len(v.Value))
		for n, each := range v.Value {
			list[n] = wireValue(each)
		}
		return map[string]any{"L": list}
	}
	panic("not an attribute of ours")
}

// image is an item as a record of the stream has it.
func image(t testing.TB, i item) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(wireOf(i))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestAnImageIsTheJobWithoutItsConfiguration(t *testing.T) {
	c := newClock()
	db := open(t, c.now)
	j := aJob(c)
	j.Configuration = json.RawMessage(`{"delay":5}`)
	j.ScheduledAt, j.Inputs, j.Closed, j.Totals = c.now(), 4, true, job.Totals{Failed: 1, Clock: 1}
	must(t, db.Jobs().Create(t.Context(), j), "Create")
	for range 5 {
		j = changed(t, j, c)
		must(t, db.Jobs().Update(t.Context(), j), "Update")
	}
	after, _, err := j.Apply(job.Update{Status: job.Paused, Error: "größer <als> \"es\" darf"}, c.now())
	must(t, err, "Apply")
	must(t, db.Jobs().Update(t.Context(), after), "Update")
	i, err := db.get(t.Context(), jobKey(j.UID))
	must(t, err, "get")
	i["later"], i["octets"] = &types.AttributeValueMemberBOOL{Value: true}, octets([]byte{1, 2})
	got, err := DecodeImage(image(t, i))
	want := after
	want.Configuration = nil
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
		t.Errorf("DecodeImage = %v (-want +got):\n%s", err, diff)
	}
}

func TestAnImageIsReadAsDocumented(t *testing.T) {
	const raw = `{"pk":{"S":"J#0190a5d1-7c00-7abc-8def-0123456789ab"},"sk":{"S":"#"},"f":{"N":"1"},"pid":{"S":"p1"},"fid":{"S":"f1"},"fn":{"S":"Enrich"},
		"n":{"S":"March"},"ca":{"N":"1772600767000"},"cfg":{"N":"1"},"v":{"N":"3"},"st":{"S":"shutdown"},"rt":{"N":"0"},"cn":{"S":""},
		"ni":{"N":"5"},"cl":{"N":"1"},"tt":{"S":"[1,2,1,40]"},"tc":{"N":"9"},
		"ua":{"N":"1772600769500"},"ta":{"N":"1772600768000"},"fa":{"N":"1772600769500"},"er":{"N":"1"},"es":{"L":[{"S":"out of memory"}]},
		"ch":{"S":"[[1,1772600767000,\"p\",\"r\",\"l\"],[2,1000,\"r\",\"c\"],[3,1500,\"s\",\"f\",\"\",1]]"},"ttl":{"N":"1777957570"}}`
	at := newClock().at.Truncate(1e9)
	want := job.Job{
		UID: "0190a5d1-7c00-7abc-8def-0123456789ab", Project: "p1", Workflow: "f1", WorkflowName: "Enrich", Name: "March", Status: job.Shutdown, Version: 3,
		Error: "out of memory", Inputs: 5, Closed: true, Totals: job.Totals{Running: 1, Succeeded: 2, Failed: 1, Outputs: 40, Clock: 9}, CreatedAt: at, UpdatedAt: at.Add(2500e6), StartedAt: at.Add(1e9), FinishedAt: at.Add(2500e6),
		Changes: []job.Change{
			{Version: 1, Status: job.Pending, Event: job.EventRequested, Cause: job.CauseLaunched, At: at},
			{Version: 2, Status: job.Running, Event: job.EventCreated, At: at.Add(1e9)},
			{Version: 3, Status: job.Shutdown, Event: job.EventFailed, Error: "out of memory", At: at.Add(2500e6)},
		},
	}
	got, err := DecodeImage(json.RawMessage(raw))
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("DecodeImage = %v (-want +got):\n%s", err, diff)
	}
}

func TestAnImageThatIsNoJobIsAnError(t *testing.T) {
	c := newClock()
	j := aJob(c)
	with := func(name string, to types.AttributeValue) json.RawMessage {
		i := jobItem(j)
		delete(i, name)
		if to != nil {
			i[name] = to
		}
		return image(t, i)
	}
	for _, test := range []struct {
		name string
		raw  json.RawMessage
		want error // nil: any
	}{
		{"nothing", nil, nil},
		{"no object", json.RawMessage(`[]`), nil},
		{"an empty object", json.RawMessage(`{}`), errNoJob},
		{"a configuration", image(t, configurationItem(j)), errNoJob},
		{"a webhook", with("pk", text("W#x")), errNoJob},
		{"no version", with("v", nil), errNoJob},
		{"a later format", with("f", number(2)), errFormat},
		{"changes that are no JSON", with("ch", text("[[1,2")), nil},
		{"a change that is no list", with("ch", text(`[{"v":1}]`)), nil},
		{"totals that are no numbers", with("tt", text(`["a"]`)), nil},
	} {
		got, err := DecodeImage(test.raw)
		if err == nil || test.want != nil && !errors.Is(err, test.want) || IsUnavailable(err) {
			t.Errorf("DecodeImage of %s = %+v, %v, want the error %v, which is no outage", test.name, got, err, test.want)
		}
	}
}

func FuzzDecodeImage(f *testing.F) {
	c := newClock()
	f.Add([]byte(image(f, jobItem(aJob(c)))))
	f.Add([]byte(`{"pk":{"S":"J#"},"sk":{"S":"#"},"v":{"N":"1e400"},"ch":{"S":"[[1]]"},"es":{"L":[{"L":[]}]}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		j, err := DecodeImage(raw)
		if err != nil {
			return
		}
		again, err := DecodeImage(image(t, jobItem(j)))
		if diff := cmp.Diff(j, again, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("what was decoded is not the same when it is kept again: %v\n%s", err, diff)
		}
	})
}

func TestWhatIsNoChangeOfStatusIsOfTheSameVersion(t *testing.T) {
	c := newClock()
	db := open(t, c.now)
	j := aJob(c)
	must(t, db.Jobs().Create(t.Context(), j), "Create")
	read := func() json.RawMessage {
		t.Helper()
		i, err := db.get(t.Context(), jobKey(j.UID))
		must(t, err, "get")
		return image(t, i)
	}
	before := read()
	must(t, db.Jobs().Extend(t.Context(), j.Project, j.UID, 0, 3, true), "Extend")
	extended := read()
	must(t, db.Jobs().SetTotals(t.Context(), j.Project, j.UID, job.Totals{Running: 1, Clock: 1}), "SetTotals")
	totalled := read()
	if !SameVersion(before, extended) || !SameVersion(extended, totalled) {
		t.Error("where the list of inputs ends, or their totals, make another version of a job, want the same")
	}
	j, _, err := j.Apply(job.Update{Status: job.Running}, c.now())
	must(t, err, "Apply")
	j.Inputs, j.Closed, j.Totals = 3, true, job.Totals{Running: 1, Clock: 1}
	must(t, db.Jobs().Update(t.Context(), j), "Update")
	if after := read(); SameVersion(totalled, after) {
		t.Error("a change of status leaves the version as it is, want another")
	} else if got, err := DecodeImage(after); err != nil || got.Counts() != (job.Counts{Pending: 2, Running: 1}) {
		t.Errorf("DecodeImage = %+v, %v, want the counts told", got, err)
	}
}

func TestOnlyImagesThatCanBeReadAreOfTheSameVersion(t *testing.T) {
	for _, test := range []struct {
		before, after string
		want          bool
	}{
		{`{"v":{"N":"3"},"tt":{"S":""}}`, `{"v":{"N":"3"},"tt":{"S":"[1,0,0,0]"}}`, true},
		{`{"v":{"N":"3"}}`, `{"v":{"N":"4"}}`, false},
		{`{"v":{"N":"3"}}`, `{}`, false},
		{`{}`, `{}`, false},
		{``, `{"v":{"N":"1"}}`, false},
		{`{"v":{"N":"1"}}`, `[`, false},
	} {
		if got := SameVersion(json.RawMessage(test.before), json.RawMessage(test.after)); got != test.want {
			t.Errorf("SameVersion(%s, %s) = %v, want %v", test.before, test.after, got, test.want)
		}
	}
}
