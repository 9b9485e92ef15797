package scenario

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// Hang has many receivers that never answer, thousands of deliveries in hand at them, and checks that a receiver that works gets
// all of its own meanwhile.
func Hang(t *testing.T, g Target) {
	const receivers, jobs = 400, 10
	workflow := g.workflow(t)
	release := make(chan struct{})
	var hanging atomic.Int32
	wall := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		hanging.Add(1)
		select {
		case <-release:
		case <-req.Context().Done():
		}
	}))
	t.Cleanup(func() {
		close(release)
		wall.Close()
	})
	for i := range receivers {
		g.webhook(t, object{"name": fmt.Sprint("hangs ", i), "url": wall.URL, "events": []string{"requested"}, "workflow_uid": workflow,
			"timeout_seconds": 20, "retry_schedule": []int{}})
	}
	launch := func(n int) {
		for i := range n {
			if _, err := g.launch(workflow, fmt.Sprint("job ", i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	launch(jobs)
	g.until(t, "thousands of deliveries in hand at receivers that hang", func() bool { return hanging.Load() > 3000 })
	r := newReceiver(t)
	g.webhook(t, object{"url": r.URL, "events": []string{"requested"}, "workflow_uid": workflow, "secret": secret})
	launch(jobs)
	g.until(t, "all deliveries at the receiver that works", func() bool { return len(r.got(t)) >= jobs })
	t.Logf("%d deliveries hung when the last of the other %d arrived", hanging.Load(), jobs)
}
