package mapping

import (
	"encoding/json"
	"fmt"
	"testing"

	"hermod/infra/template"
)

// The filters of the template decide what a function is called with, and pays for: each is tried on the keys that there are.
func TestTheFiltersOfTheTemplate(t *testing.T) {
	const (
		event = "019aa0b1-7c00-7abc-8def-0123456789ab"
		row   = `"state":{"S":"succeeded"}`
	)
	tests := []struct {
		name, pk, sk, image string
		fanout, tally       bool
	}{
		{"a job", "J#" + event, "#", `"v":{"N":"1"}`, true, false},
		{"a job's configuration", "J#" + event, "CFG", ``, false, false},
		{"a match of a job's webhook", "J#" + event, "M#" + event, ``, false, false},
		{"the number of a job's webhooks", "J#" + event, "M", ``, false, false},
		{"outcomes of inputs", "J#" + event + "#I", "C#000017", `"pid":{"S":"p"}`, false, true},
		{"data of inputs", "J#" + event + "#D", "a000017", ``, false, false},
		{"what came of inputs", "J#" + event + "#R", "000000-17", ``, false, false},
		{"an entry in a workflow's list of jobs", "F#" + event + "#202611", event, ``, false, false},
		{"a delivery", "W#" + event + "#20261124#3", event, row, false, true},
		{"what an attempt got back", "W#" + event + "#20261124#3#A", event + "#1", `"n":{"N":"1"}`, false, false},
		{"a webhook", "W#" + event, "#", `"en":{"N":"1"}`, false, false},
		{"a webhook's health, which tally writes", "W#" + event, "RT", row, false, false},
		{"counters, which tally writes", "W#" + event, "S#2026112415", `"ok":{"N":"1"}`, false, false},
		{"counters of a project, which tally writes", "P#" + event, "S#2026112415", `"ok":{"N":"1"}`, false, false},
		{"an archived event", "P#" + event + "#E#20261124#3", event, ``, false, false},
		{"a redrive", "P#" + event, "R#" + event, row, false, false},
		{"an API key", "K#" + event, "#", ``, false, false},
		{"requests leased of an API key", "L#" + event, "202611241530", `"n":{"N":"60"}`, false, false},
		{"the sweep cursor", "SYS", "SWEEP", ``, false, false},
	}
	tried := map[string][]pattern{}
	for _, name := range []string{"FanoutFunction", "TallyFunction"} {
		tried[name] = filtersOf(t, name)
	}
	for _, tt := range tests {
		for _, change := range []string{"INSERT", "MODIFY", "REMOVE"} {
			image := `"NewImage"`
			if change == "REMOVE" {
				image = `"OldImage"`
			}
			var e map[string]any
			raw := fmt.Sprintf(`{"eventName":%q,"dynamodb":{"Keys":{"pk":{"S":%q},"sk":{"S":%q}},%s:{%s}}}`,
				change, tt.pk, tt.sk, image, tt.image)
			if err := json.Unmarshal([]byte(raw), &e); err != nil {
				t.Fatal(err)
			}
			for name, want := range map[string]bool{"FanoutFunction": tt.fanout, "TallyFunction": tt.tally} {
				if want = want && change != "REMOVE"; seen(e, tried[name]) != want {
					t.Errorf("%s is called for %s of %s: %v, want %v", name, change, tt.name, !want, want)
				}
			}
		}
	}
}

// A change of a job that may have become ready to finish is tally's too.
func TestTallyIsCalledForJobsThatMayFinish(t *testing.T) {
	filters := filtersOf(t, "TallyFunction")
	tests := []struct {
		name, change, before, after string
		want                        bool
	}{
		{"a list that was closed", "MODIFY", `"v":{"N":"2"}`, `"v":{"N":"2"},"cl":{"N":"1"}`, true},
		{"a job that was launched closed", "INSERT", ``, `"cl":{"N":"1"}`, false},
		{"a job that begins to run", "MODIFY", `"cl":{"N":"1"},"st":{"S":"pending"}`, `"cl":{"N":"1"},"st":{"S":"running"}`, false},
		{"a job that was resumed", "MODIFY", `"cl":{"N":"1"},"st":{"S":"paused"}`, `"cl":{"N":"1"},"st":{"S":"running"}`, true},
		{"a job that was paused", "MODIFY", `"st":{"S":"running"}`, `"st":{"S":"paused"}`, false},
	}
	for _, tt := range tests {
		old := ""
		if tt.change == "MODIFY" {
			old = `"OldImage":{` + tt.before + `},`
		}
		var e map[string]any
		raw := fmt.Sprintf(`{"eventName":%q,"dynamodb":{"Keys":{"pk":{"S":"J#x"},"sk":{"S":"#"}},%s"NewImage":{%s}}}`, tt.change, old, tt.after)
		if err := json.Unmarshal([]byte(raw), &e); err != nil {
			t.Fatal(err)
		}
		if got := seen(e, filters); got != tt.want {
			t.Errorf("tally is called for %s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func filtersOf(t *testing.T, function string) (list []pattern) {
	t.Helper()
	d, err := template.Load("../../../template.yaml", template.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if f := d.Functions[function]; f == nil || len(f.Streams) != 1 {
		t.Fatalf("template.yaml has no %s that reads one stream", function)
	}
	list, err = Stream{StreamMapping: d.Functions[function].Streams[0]}.filters()
	if err != nil || len(list) == 0 {
		t.Fatalf("filters of %s = %v, %v, want some", function, list, err)
	}
	return list
}
