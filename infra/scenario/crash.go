package scenario

import (
	"fmt"
	"sync"
	"testing"
)

// publishers is how many clients launch jobs at the same time.
const publishers = 16

// Crash launches jobs for a number of webhooks until there are that many deliveries, kills the service so many times while it
// works on them, and checks that nothing acknowledged is lost: each launch that was answered arrives at each webhook, and what
// arrives twice has the same webhook-id.
func Crash(t *testing.T, g Target, deliveries, webhooks, kills int) {
	r, workflow := newReceiver(t), g.workflow(t)
	for i := range webhooks {
		g.webhook(t, object{"name": fmt.Sprint("crash ", i), "url": r.URL, "events": []string{"requested"}, "workflow_uid": workflow,
			"secret": secret, "retry_schedule": []int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}})
	}
	p := publisher{target: g, workflow: workflow, jobs: make(chan int)}
	p.start()
	launches := deliveries / webhooks
	for i := range launches {
		p.jobs <- i
		if kills > 0 && i > 0 && i%(launches/(kills+1)) == 0 && i/(launches/(kills+1)) <= kills {
			g.Crash(t)
		}
	}
	acknowledged := p.wait()
	if len(acknowledged) < launches/2 {
		t.Fatalf("only %d of %d launches were answered: the scenario shows nothing", len(acknowledged), launches)
	}
	var missing int
	g.until(t, "every acknowledged launch at every webhook", func() bool {
		missing = len(acknowledged)*webhooks - count(r.got(t), acknowledged)
		return missing == 0
	})
	arrivals := r.got(t)
	ids := map[string]string{}
	for _, a := range arrivals {
		if body, ok := ids[a.ID]; ok && body != string(a.Body) {
			t.Errorf("webhook-id %s came with two bodies: %s and %s", a.ID, body, a.Body)
		}
		ids[a.ID] = string(a.Body)
	}
	t.Logf("%d launches, %d answered, %d kills: %d deliveries, %d requests more than those", launches, len(acknowledged), kills, len(ids), len(arrivals)-len(ids))
}

// count is how many deliveries of acknowledged launches have arrived, each counted once.
func count(arrivals []arrival, acknowledged map[string]bool) int {
	seen := map[string]bool{}
	for _, a := range arrivals {
		if job, ok := a.Fields["job_uid"].(string); ok && acknowledged[job] {
			seen[a.ID] = true
		}
	}
	return len(seen)
}

// publisher launches jobs from several clients and remembers which launches were answered.
type publisher struct {
	target   Target
	workflow string
	jobs     chan int
	clients  sync.WaitGroup

	mu           sync.Mutex
	acknowledged map[string]bool
}

func (p *publisher) start() {
	p.acknowledged = map[string]bool{}
	for range publishers {
		p.clients.Go(func() {
			for i := range p.jobs {
				job, err := p.target.launch(p.workflow, fmt.Sprint("job ", i))
				if err != nil {
					continue // not answered: it may have happened or not
				}
				p.mu.Lock()
				p.acknowledged[job] = true
				p.mu.Unlock()
			}
		})
	}
}

func (p *publisher) wait() map[string]bool {
	close(p.jobs)
	p.clients.Wait()
	return p.acknowledged
}

// Stop checks that a service that is asked to stop while a receiver takes its time writes the outcome before it ends.
func Stop(t *testing.T, g Target, stop func()) {
	r, workflow := newReceiver(t), g.workflow(t)
	begun, end := make(chan struct{}), make(chan struct{})
	begin := sync.OnceFunc(func() { close(begun) })
	r.answer = func(arrival) int {
		begin()
		<-end
		return 204
	}
	g.webhook(t, object{"url": r.URL, "events": []string{"requested"}, "workflow_uid": workflow, "secret": secret})
	if _, err := g.launch(workflow, "slow"); err != nil {
		t.Fatal(err)
	}
	<-begun
	stopped := make(chan struct{})
	go func() {
		stop()
		close(stopped)
	}()
	g.until(t, "the API closes", func() bool {
		_, err := g.call("GET", "/health", nil, nil)
		return err != nil
	})
	close(end)
	<-stopped
	g.Crash(t) // only starts it again
	if n := len(r.got(t)); n != 1 {
		t.Errorf("a delivery that was in hand when the service was asked to stop was made %d times, want once", n)
	}
	if list := deliveries(t, g, ""); len(list) != 1 || list[0].State != "succeeded" {
		t.Errorf("after the next start the delivery is %+v, want it succeeded", list)
	}
}
