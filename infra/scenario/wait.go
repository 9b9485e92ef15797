package scenario

import (
	"net/http"
	"testing"
)

// Wait lets a first attempt fail whose next one is so many seconds away, and checks that the deployment makes it when its entry in the
// due index says so. So that the test need not wait so long, hasten moves the entry, behind the deployment's back.
func Wait(t *testing.T, g Target, seconds int, hasten func(t testing.TB, delivery string)) {
	r, workflow := newReceiver(t), g.workflow(t)
	r.answers(http.StatusServiceUnavailable)
	hook := g.webhook(t, object{"url": r.URL, "events": []string{"requested"}, "workflow_uid": workflow, "secret": secret, "retry_schedule": []int{seconds}})
	if _, err := g.launch(workflow, "waits"); err != nil {
		t.Fatal(err)
	}
	var waiting entry
	g.until(t, "first attempt failed", func() bool {
		list := deliveries(t, g, "?state=retrying&webhook_uid="+hook)
		if len(list) == 1 {
			waiting = list[0]
		}
		return len(list) == 1
	})
	r.answers(http.StatusOK)
	hasten(t, waiting.UID)
	g.until(t, "second attempt accepted", func() bool {
		list := deliveries(t, g, "?webhook_uid="+hook)
		return len(list) == 1 && list[0].State == "succeeded"
	})
	if got := r.got(t); len(got) != 2 || got[1].ID != waiting.UID {
		t.Errorf("%d requests were made, the last of %s; want 2, of %s", len(got), got[len(got)-1].ID, waiting.UID)
	}
}
