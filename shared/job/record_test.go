package job_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hermod/shared/job"
)

func ExampleTime() {
	b, err := json.Marshal(job.Time(time.Date(2026, 1, 2, 4, 4, 5, 999_999, time.FixedZone("CET", 3600))))
	fmt.Println(string(b), err)
	// Output: "2026-01-02T03:04:05.000Z" <nil>
}

func TestARecordHasEveryKeyAndNullWhereNothingIsKnown(t *testing.T) {
	got, err := json.MarshalIndent(job.Launch(job.Job{UID: jobUID, Workflow: workflowUID, WorkflowName: "Enrich"}, launchedAt).Record(), "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	want := `{
	"uid": "0190a5d1-7c00-7abc-8def-0123456789ab",
	"name": null,
	"status": "pending",
	"error_message": null,
	"workflow_uid": "0190a5d1-7c00-7abc-8def-00000000000f",
	"workflow_name": "Enrich",
	"step_uid": null,
	"main_job_uid": null,
	"main_job_name": null,
	"accounts": [],
	"configuration": {},
	"number_inputs": 0,
	"row_count": 0,
	"total_row_count": 0,
	"scheduled_time": null,
	"start_time": null,
	"finish_time": null,
	"version": 1,
	"retry_count": 0,
	"counts": {
		"pending": 0,
		"running": 0,
		"succeeded": 0,
		"failed": 0
	},
	"created_at": "2026-03-04T05:06:07.089Z",
	"updated_at": "2026-03-04T05:06:07.089Z"
}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("record of a new job (-want +got):\n%s", diff)
	}
}

func TestARecordShowsWhatIsKnown(t *testing.T) {
	j := failed(t)
	got := asMap(t, j.Record())
	for key, want := range map[string]any{
		"name": "March", "status": "shutdown", "error_message": j.Error, "number_inputs": 3.0, "version": 3.0,
		"scheduled_time": "2026-03-04T05:07:07.089Z", "start_time": "2026-03-04T05:06:08.089Z", "finish_time": "2026-03-04T05:06:09.089Z",
	} {
		if got[key] != want {
			t.Errorf("%s = %v, want %v", key, got[key], want)
		}
	}
	if diff := cmp.Diff(map[string]any{"steps": []any{"secret"}}, got["configuration"]); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
}

func TestATimeIsReadAsItWasWritten(t *testing.T) {
	b, err := json.Marshal(job.KnownTime(launchedAt))
	if err != nil {
		t.Fatal(err)
	}
	var got job.Time
	if err := json.Unmarshal(b, &got); err != nil || !time.Time(got).Equal(launchedAt) {
		t.Errorf("%s is read as %v, %v, want %v", b, time.Time(got), err, launchedAt)
	}
	if known := job.KnownTime(time.Time{}); known != nil {
		t.Errorf("KnownTime of the zero time = %v, want nil", *known)
	}
}
