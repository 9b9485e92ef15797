package scenario

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// browse asks what the other scenarios do not: lists page by page, requests that are repeated under an Idempotency-Key, retries for
// a job, a webhook of one job, and what is no route.
func browse(t *testing.T, g Target) {
	r, workflow := newReceiver(t), repeated(t, g)
	var hooks []string
	for range 3 {
		hooks = append(hooks, g.webhook(t, object{"url": r.URL, "events": []string{"requested"}, "workflow_uid": workflow, "secret": secret}))
	}
	g.ask(t, 200, "PATCH", "/webhooks/"+hooks[0], object{"name": "renamed"}, nil)
	g.ask(t, 200, "GET", "/webhooks/"+hooks[0], nil, nil)
	job, err := g.launch(workflow, "browsed")
	if err != nil {
		t.Fatal(err)
	}
	g.until(t, "three deliveries succeeded", func() bool {
		list := deliveries(t, g, "?state=succeeded&job_uid="+job)
		return len(list) == len(hooks)
	})
	for _, path := range []string{"/webhooks", "/deliveries", "/deliveries?job_uid=" + job, "/jobs/" + job + "/deliveries", "/redrives"} {
		g.pages(t, path)
		g.ask(t, 200, "HEAD", path, nil, nil)
	}
	g.ask(t, 200, "HEAD", "/deliveries?state=dead", nil, nil)

	g.ask(t, 202, "POST", "/webhooks/"+hooks[0]+"/retry", object{"job_uid": job}, nil)
	g.ask(t, 202, "POST", "/jobs/"+job+"/webhooks/retry", nil, nil, "Idempotency-Key", "once")
	g.until(t, "four deliveries more", func() bool { return len(r.got(t)) == 2*len(hooks)+1 })
	nothingMissing(t, g, hooks[1])
	if n := len(r.got(t)); n != 2*len(hooks)+1 {
		t.Errorf("a redrive of what is missing, where nothing is, made %d requests", n-2*len(hooks)-1)
	}
	ownWebhook(t, g, job)

	g.ask(t, 200, "GET", "/health", nil, nil)
	g.ask(t, 404, "GET", "/nowhere", nil, nil)
	g.ask(t, 405, "PATCH", "/workflows", object{}, nil)
	g.ask(t, 204, "DELETE", "/webhooks/"+hooks[2], nil, nil)
	g.ask(t, 404, "GET", "/webhooks/"+hooks[2], nil, nil)
}

// repeated makes a workflow by a request that is made twice, and returns it.
func repeated(t *testing.T, g Target) string {
	var made, again struct{ UID string }
	for _, out := range []any{&made, &again} {
		g.ask(t, 201, "POST", "/workflows", object{"name": t.Name()}, out, "Idempotency-Key", t.Name())
	}
	if made != again {
		t.Errorf("the same request twice makes the workflows %s and %s, want one", made.UID, again.UID)
	}
	g.ask(t, 422, "POST", "/workflows", object{"name": "another"}, nil, "Idempotency-Key", t.Name())
	var list []struct{ UID string }
	g.ask(t, 200, "GET", "/workflows", nil, &list)
	if !slices.Contains(list, made) {
		t.Errorf("the list of workflows is %v, want %s in it", list, made.UID)
	}
	g.ask(t, 200, "GET", "/workflows/"+made.UID, nil, nil)
	return made.UID
}

// nothingMissing sends what never reached a webhook, where all has.
func nothingMissing(t *testing.T, g Target, hook string) {
	var task struct{ UID, State string }
	g.ask(t, 202, "POST", "/redrives", object{"state": "missing", "webhook_uid": hook}, &task)
	g.until(t, "redrive of what is missing completed", func() bool {
		g.must(t, "GET", "/redrives/"+task.UID, nil, &task)
		return task.State == "completed"
	})
}

// ownWebhook gives a job a webhook of its own, lets the job run, and cancels it.
func ownWebhook(t *testing.T, g Target, job string) {
	own := newReceiver(t)
	g.webhook(t, object{"url": own.URL, "events": []string{"created"}, "job_uid": job, "secret": secret})
	g.ask(t, 200, "PATCH", "/jobs/"+job, object{"status": "running"}, nil)
	g.until(t, "an event at the job's own webhook", func() bool { return len(own.got(t)) == 1 })
	g.ask(t, 200, "POST", "/jobs/"+job+"/cancel", nil, nil)
	var seen struct{ Status string }
	if g.ask(t, 200, "GET", "/jobs/"+job, nil, &seen); seen.Status != "stopped" {
		t.Errorf("a job that was cancelled is %s, want stopped", seen.Status)
	}
}

// ask makes a request that has to be answered with a status. Names and values of headers follow.
func (g Target) ask(t testing.TB, status int, method, path string, in, out any, header ...string) {
	t.Helper()
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	got, err := g.request(method, path, in, out, h)
	if got != status || err != nil && status/100 == 2 {
		t.Errorf("%s %s answers %d, want %d: %v", method, path, got, status, err)
	}
}

// pages reads a list one by one, and checks that it gets what it gets by the hundred.
func (g Target) pages(t testing.TB, path string) {
	t.Helper()
	with := func(query string) string {
		if strings.Contains(path, "?") {
			return path + "&" + query
		}
		return path + "?" + query
	}
	type listed struct{ UID string }
	var one struct{ Results []listed }
	if g.must(t, "GET", with("limit=1"), nil, &one); len(one.Results) > 1 {
		t.Errorf("%s answers %d entries, want 1 at most", with("limit=1"), len(one.Results))
	}
	all, each := rows[listed](t, g, with("limit=100")), rows[listed](t, g, with("limit=1"))
	if !slices.Equal(all, each) {
		t.Errorf("%s has %v, and one by one %v", path, all, each)
	}
}

// rows reads a list to its end, page by page, as the answers lead.
func rows[T any](t testing.TB, g Target, path string) (all []T) {
	t.Helper()
	for path != "" {
		var page struct {
			Results []T
			Paging  struct{ Next string }
		}
		g.must(t, "GET", path, nil, &page)
		all = append(all, page.Results...)
		path = strings.TrimPrefix(page.Paging.Next, g.API)
	}
	return all
}
