package scenario

import (
	"fmt"
	"testing"
)

// jobs launches three jobs, pauses two with one request, finds them in the lists and resumes them. Lists may trail behind.
func jobs(t *testing.T, g Target) {
	workflow := g.workflow(t)
	var uids []string
	for n := range 3 {
		uid, err := g.launch(workflow, fmt.Sprint("job ", n))
		if err != nil {
			t.Fatal(err)
		}
		uids = append(uids, uid)
	}
	var answer struct {
		Results []struct {
			StatusCode int `json:"status_code"`
		}
	}
	g.must(t, "POST", "/jobs/status", object{"updates": []object{
		{"uid": uids[0], "status": "paused"}, {"uid": uids[1], "status": "paused"}, {"uid": uids[2], "status": "finished"},
	}}, &answer)
	if got := fmt.Sprint(answer.Results); got != "[{200} {200} {409}]" {
		t.Errorf("three updates are answered %s, want 200, 200, and 409: a pending job cannot finish", got)
	}
	g.until(t, "jobs in the lists", func() bool {
		var list []object
		g.must(t, "GET", "/workflows/"+workflow+"/jobs?page=0", nil, &list)
		all, paused := rows[any](t, g, "/jobs?workflow_uid="+workflow), rows[any](t, g, "/jobs?status=paused&workflow_uid="+workflow)
		return len(list) == 3 && len(all) == 3 && len(paused) == 2
	})
	g.must(t, "GET", "/jobs?limit=1", nil, nil)
	g.pages(t, "/jobs?workflow_uid="+workflow)
	sum := 0
	g.until(t, "two jobs resumed", func() bool {
		var resumed struct{ Count int }
		g.must(t, "POST", "/jobs/resume", object{"workflow_uid": workflow}, &resumed)
		sum += resumed.Count
		return sum >= 2
	})
	var j struct{ Status string }
	if g.must(t, "GET", "/jobs/"+uids[0], nil, &j); j.Status != "running" || sum != 2 {
		t.Errorf("%d jobs were resumed, and one that was paused is %s; want 2, and running", sum, j.Status)
	}
	if n := len(rows[any](t, g, "/workflows/"+workflow+"/results/last")); n != 0 {
		t.Errorf("a workflow of which no job has finished has %d last results, want none", n)
	}
}
