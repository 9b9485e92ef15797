package sqlite

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/job"
	"hermod/shared/uid"
	"hermod/shared/webhook"
)

// cpu reports the processor time of the whole process for one operation, beside the time that passed.
func cpu(b *testing.B, f func()) {
	b.Helper()
	b.ResetTimer()
	before := cpuTime()
	f()
	b.ReportMetric(float64((cpuTime()-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
}

func cpuTime() time.Duration {
	var used syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// aDelivery returns a delivery and its first attempt, accepted, with everything that a usual one has.
func aDelivery(event, hook string, now time.Time) (delivery.Delivery, delivery.Attempt) {
	d := delivery.Delivery{
		UID: delivery.UID{Event: event, Webhook: hook}, Project: "0190a5d1-7c00-7abc-8def-000000000001", Job: "0190a5d1-7c00-7abc-8def-000000000002",
		Workflow: "0190a5d1-7c00-7abc-8def-000000000003", Event: job.EventCreated, Sequence: 2, State: delivery.Succeeded,
		CreatedAt: now, EndedAt: now, ExpiresAt: now.Add(delivery.Retention),
	}
	a := delivery.Attempt{
		Number: 1, Cause: delivery.CauseSchedule, StartedAt: now, Duration: 3 * time.Millisecond, Status: 200,
		Timing: delivery.Timing{FirstByte: 2 * time.Millisecond}, SignedWith: []string{"whsec_…abcd"},
	}
	return d, a
}

func BenchmarkWriterSucceed(b *testing.B) {
	db := open(b, nil)
	log, n, hook := db.Log(), atomic.Int64{}, uid.New(time.Now())
	b.SetParallelism(32)
	cpu(b, func() {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				now := time.Now()
				d, a := aDelivery(uid.Derive(now, "job", int(n.Add(1))), hook, now)
				if err := log.Succeed(b.Context(), d, a); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
	b.ReportMetric(float64(b.N)/float64(db.writer.commits.Load()), "op/commit")
}

// BenchmarkQueueRoundTrip is one message: sent, received and deleted in tens, by several at once.
func BenchmarkQueueRoundTrip(b *testing.B) {
	db := open(b, nil)
	q, n := db.Queue(), atomic.Int64{}
	m := delivery.NewMessage(uid.New(time.Now()), delivery.UID{Event: uid.New(time.Now()), Webhook: uid.New(time.Now())}, delivery.Place{}, delivery.CauseSchedule)
	b.SetParallelism(16)
	cpu(b, func() {
		b.RunParallel(func(pb *testing.PB) {
			parcels := make([]delivery.Parcel, 0, 10)
			for pb.Next() {
				m.Webhook = fmt.Sprintf("hook %d", n.Add(1)%20)
				if parcels = append(parcels, m.Parcel(time.Now(), 0)); len(parcels) < 10 {
					continue
				}
				if err := q.Send(b.Context(), delivery.LaneFirst, parcels...); err != nil {
					b.Fatal(err)
				}
				got, err := q.Receive(b.Context(), delivery.LaneFirst, 10, 0)
				if err != nil {
					b.Fatal(err)
				}
				if err := q.Delete(b.Context(), got...); err != nil {
					b.Fatal(err)
				}
				parcels = parcels[:0]
			}
		})
	})
}

func BenchmarkWebhookGet(b *testing.B) {
	db := open(b, nil)
	hooks := db.Webhooks()
	w := webhook.Webhook{
		UID: uid.New(time.Now()), Project: "p", Version: 1, URL: "https://example.com/hook", Events: job.EventTypes[:3], Payload: job.FormatV3, Enabled: true,
		Headers: []webhook.Header{{Name: "X-Key", Sealed: "c2VhbGVk"}}, Secrets: []webhook.Secret{{Sealed: "c2VhbGVk"}},
	}
	if err := hooks.Create(b.Context(), w); err != nil {
		b.Fatal(err)
	}
	cpu(b, func() {
		for range b.N {
			if _, err := hooks.Get(b.Context(), w.Project, w.UID); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkJobChange is one status update on its way: job and outbox written, read from the outbox, passed.
func BenchmarkJobChange(b *testing.B) {
	db := open(b, nil)
	jobs, n := db.Jobs(), atomic.Int64{}
	b.SetParallelism(16)
	cpu(b, func() {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				now := time.Now()
				j := job.Launch(job.Job{UID: uid.Derive(now, "job", int(n.Add(1))), Project: "p", Workflow: "w", WorkflowName: "name", Name: "name"}, now)
				if err := jobs.Create(b.Context(), j); err != nil {
					b.Fatal(err)
				}
				entries, err := jobs.Changes(b.Context(), 10, 0)
				if err != nil {
					b.Fatal(err)
				}
				ids := make([]int64, len(entries))
				for i, e := range entries {
					ids[i] = e.ID
				}
				if err := jobs.Passed(b.Context(), ids...); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}
