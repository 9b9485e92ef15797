package job_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hermod/shared/job"
)

var update = flag.Bool("update", false, "write the golden files anew")

func ExampleJob_Payload() {
	j := job.Launch(job.Job{UID: jobUID, Project: projectUID, Workflow: workflowUID, WorkflowName: "Enrich", Name: "March"}, launchedAt)
	body, err := j.Payload(j.EventUID(j.Last()), j.Last(), job.FormatV3)
	fmt.Println(string(body), err)
	// Output:
	// {"uid":"019cb73d-3271-75cd-894b-35683d9dfa86","job_uid":"0190a5d1-7c00-7abc-8def-0123456789ab","message":"Job requested.","project_uid":"0190a5d1-7c00-7abc-8def-00000000000a","error":null,"recipe_ref":"0190a5d1-7c00-7abc-8def-0123456789ab","workflow_uid":"0190a5d1-7c00-7abc-8def-00000000000f","workflow_name":"Enrich","job_name":"March"} <nil>
}

// failed is a job with everything in it that a payload can show, some of which it must not.
func failed(t *testing.T) job.Job {
	j := launched()
	j.Configuration = json.RawMessage(`{"steps":["secret"]}`)
	j.ScheduledAt = launchedAt.Add(time.Minute)
	j.Inputs, j.Totals = 3, job.Totals{Failed: 3}
	j = apply(t, j, job.Update{Status: job.Running})
	return apply(t, j, job.Update{Status: job.Shutdown, Error: `proxy <"50%"> ausgefallen – ✗`})
}

func TestPayloadsAreTheGoldenOnesByteForByte(t *testing.T) {
	unnamed := job.Launch(job.Job{UID: jobUID, Project: projectUID, Workflow: workflowUID, WorkflowName: "Enrich"}, launchedAt)
	for name, j := range map[string]job.Job{"requested": unnamed, "failed": failed(t), "succeeded": at(t, job.Finished)} {
		for _, format := range job.Formats {
			got, err := j.Payload(j.EventUID(j.Last()), j.Last(), format)
			if err != nil {
				t.Fatalf("Payload(%s) of %s = %v", format, name, err)
			}
			path := filepath.Join("testdata", "payload-"+name+"-"+string(format)+".json")
			if *update {
				if err := os.WriteFile(path, append(got, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)+"\n"); diff != "" {
				t.Errorf("payload %s of %s (-golden +got):\n%s", format, name, diff)
			}
		}
	}
}

func TestPayloadV3HasExactlyNineFields(t *testing.T) {
	want := []string{"error", "job_name", "job_uid", "message", "project_uid", "recipe_ref", "uid", "workflow_name", "workflow_uid"}
	for _, s := range job.Statuses {
		j := at(t, s)
		got := fields(t, j, j.Last(), job.FormatV3)
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got))); diff != "" {
			t.Errorf("fields of a payload when the job is %s (-want +got):\n%s", s, diff)
		}
		if got["uid"] != j.EventUID(j.Last()) || got["job_uid"] != jobUID || got["recipe_ref"] != jobUID || got["message"] != j.Last().Event.Message() {
			t.Errorf("payload when the job is %s = %v, want the event's uid and message, and the job's uid twice", s, got)
		}
	}
}

func TestPayloadV3TellsTheErrorOfFailuresOnly(t *testing.T) {
	for _, s := range []job.Status{job.Warning, job.Shutdown, job.Finished, job.Paused, job.Stopped} {
		j := apply(t, at(t, job.Running), job.Update{Status: s, Error: "why"})
		var want any
		if s == job.Warning || s == job.Shutdown {
			want = "why"
		}
		if got := fields(t, j, j.Last(), job.FormatV3)["error"]; got != want {
			t.Errorf("error when the job became %s = %v, want %v", s, got, want)
		}
	}
	j := at(t, job.Warning)
	if got := fields(t, j, j.Last(), job.FormatV3)["error"]; got != nil {
		t.Errorf("error of a failure without a message = %v, want null", got)
	}
}

func TestPayloadStandardIsTheRecordWithoutWhatReceiversDoNotGet(t *testing.T) {
	j := failed(t)
	got := fields(t, j, j.Last(), job.FormatStandard)
	if diff := cmp.Diff([]string{"data", "timestamp", "type"}, slices.Sorted(maps.Keys(got))); diff != "" {
		t.Fatalf("fields (-want +got):\n%s", diff)
	}
	if got["type"] != "job.failed" || got["timestamp"] != "2026-03-04T05:06:09.089Z" {
		t.Errorf("type, timestamp = %v, %v, want job.failed at the time of the change", got["type"], got["timestamp"])
	}
	data := got["data"].(map[string]any)
	record := asMap(t, j.Record())
	delete(record, "accounts")
	delete(record, "configuration")
	record["sequence"], record["project_uid"] = 3.0, projectUID
	if diff := cmp.Diff(record, data); diff != "" {
		t.Errorf("data (-record +got):\n%s", diff)
	}
}

func TestPayloadStandardTellsTheCauseOfARequest(t *testing.T) {
	j := launched()
	again, _ := at(t, job.Finished).Retry(launchedAt)
	for want, j := range map[string]job.Job{"launch": j, "retry": again} {
		if got := fields(t, j, j.Last(), job.FormatStandard)["data"].(map[string]any)["cause"]; got != want {
			t.Errorf("cause = %v, want %s", got, want)
		}
	}
	j = at(t, job.Running)
	if cause, ok := fields(t, j, j.Last(), job.FormatStandard)["data"].(map[string]any)["cause"]; ok {
		t.Errorf("cause when the job runs = %v, want no such field", cause)
	}
}

func TestAPayloadRenderedLaterIsThatOfItsChange(t *testing.T) {
	j := apply(t, at(t, job.Running), job.Update{Status: job.Paused, Error: "quota"})
	paused := j.Last()
	j = apply(t, apply(t, j, job.Update{Status: job.Running}), job.Update{Status: job.Finished})
	data := fields(t, j, paused, job.FormatStandard)["data"].(map[string]any)
	if data["status"] != "paused" || data["version"] != 3.0 || data["sequence"] != 3.0 || data["error_message"] != "quota" {
		t.Errorf("data of an earlier change = %v, want its status, version and error", data)
	}
}

func TestAnUnknownFormatIsRefused(t *testing.T) {
	j := launched()
	if body, err := j.Payload(j.EventUID(j.Last()), j.Last(), "xml"); err == nil {
		t.Errorf("Payload(xml) = %s, want an error", body)
	}
}

// fields returns the payload of a change, as a receiver parses it.
func fields(t *testing.T, j job.Job, c job.Change, f job.Format) map[string]any {
	t.Helper()
	body, err := j.Payload(j.EventUID(c), c, f)
	if err != nil {
		t.Fatal(err)
	}
	return asMap(t, json.RawMessage(body))
}

func asMap(t *testing.T, v any) (m map[string]any) {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m
}
