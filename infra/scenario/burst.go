package scenario

import (
	"fmt"
	"slices"
	"sync"
	"testing"
)

// Burst is one event of each of many jobs, for some webhooks that all have one receiver.
type Burst struct {
	Deliveries int // how many are to arrive

	target   Target
	receiver *receiver
	jobs     []string
}

// NewBurst launches the jobs, which makes no event yet.
func NewBurst(t testing.TB, g Target, jobs, webhooks int) *Burst {
	t.Helper()
	b := &Burst{Deliveries: jobs * webhooks, target: g, receiver: newReceiver(t)}
	workflow := g.workflow(t)
	for i := range webhooks {
		g.webhook(t, object{"name": fmt.Sprint("burst ", i), "url": b.receiver.URL, "events": []string{"created"}, "workflow_uid": workflow, "secret": secret})
	}
	for i := range jobs {
		job, err := g.launch(workflow, fmt.Sprint("job ", i))
		if err != nil {
			t.Fatal(err)
		}
		b.jobs = append(b.jobs, job)
	}
	return b
}

// Publish makes the events, and returns when all are acknowledged.
func (b *Burst) Publish(t testing.TB) {
	t.Helper()
	work := make(chan string)
	var clients sync.WaitGroup
	for range publishers {
		clients.Go(func() {
			for job := range work {
				if _, err := b.target.call("PATCH", "/jobs/"+job, object{"status": "running"}, nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for _, job := range b.jobs {
		work <- job
	}
	close(work)
	clients.Wait()
}

// Settled waits until the log says of each delivery that it succeeded.
func (b *Burst) Settled(t testing.TB) {
	t.Helper()
	for _, job := range b.jobs {
		b.target.until(t, "all deliveries of job "+job+" succeeded", func() bool {
			var page struct{ Results []entry }
			b.target.must(t, "GET", "/jobs/"+job+"/deliveries?limit=100", nil, &page)
			open := slices.ContainsFunc(page.Results, func(e entry) bool { return e.State != "succeeded" })
			return !open && len(page.Results) == b.Deliveries/len(b.jobs)
		})
	}
}

// Wait waits until so many deliveries have arrived, and says how many requests that took.
func (b *Burst) Wait(t testing.TB, deliveries int) (requests int) {
	t.Helper()
	b.target.until(t, fmt.Sprintf("%d deliveries", deliveries), func() bool {
		ids, arrivals := map[string]bool{}, b.receiver.got(t)
		for _, a := range arrivals {
			ids[a.ID] = true
		}
		requests = len(arrivals)
		return len(ids) >= deliveries
	})
	return requests
}
