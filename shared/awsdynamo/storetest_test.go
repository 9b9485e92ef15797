package awsdynamo

import (
	"testing"
	"time"

	"hermod/shared/access"
	"hermod/shared/delivery"
	"hermod/shared/job"
	"hermod/shared/redrive"
	"hermod/shared/seal"
	"hermod/shared/storetest"
	"hermod/shared/sweep"
	"hermod/shared/webhook"
)

func TestJobs(t *testing.T) {
	storetest.Jobs(t, func(t *testing.T, now func() time.Time) job.Store { return open(t, now).Jobs() })
}

func openInputs(t *testing.T, now func() time.Time) (job.Store, job.Inputs) {
	db := open(t, now)
	return db.Jobs(), db.Inputs()
}

func TestInputs(t *testing.T)       { storetest.Inputs(t, openInputs) }
func TestInputService(t *testing.T) { storetest.InputService(t, openInputs) }

func TestWorkflows(t *testing.T) {
	storetest.Workflows(t, func(t *testing.T, now func() time.Time) job.Workflows { return open(t, now).Jobs() })
}

func TestWebhooks(t *testing.T) {
	storetest.Webhooks(t, func(t *testing.T, now func() time.Time) webhook.Store { return open(t, now).Webhooks() })
}

// One process that writes through its cache reads what it wrote.
func TestCachedWebhooks(t *testing.T) {
	storetest.Webhooks(t, func(t *testing.T, now func() time.Time) webhook.Store {
		return open(t, now).CachedWebhooks(15 * time.Second)
	})
}

func TestCounters(t *testing.T) {
	storetest.Counters(t, func(t *testing.T, now func() time.Time) webhook.Counters { return open(t, now).Counters() })
}

func TestArchive(t *testing.T) {
	storetest.Archive(t, func(t *testing.T, now func() time.Time) delivery.Archive { return open(t, now).Archive() })
}

func TestLog(t *testing.T) {
	storetest.Log(t, func(t *testing.T, now func() time.Time) delivery.Log { return open(t, now).Log() })
}

func TestRedrives(t *testing.T) {
	storetest.Redrives(t, func(t *testing.T, now func() time.Time) redrive.Store { return open(t, now).Redrives() })
}

func TestAccess(t *testing.T) {
	storetest.Access(t, func(t *testing.T, now func() time.Time) access.Store { return open(t, now).Access() })
}

func TestMeter(t *testing.T) {
	storetest.Meter(t, func(t *testing.T, now func() time.Time) access.Meter { return open(t, now).Meter() })
}

func TestReplies(t *testing.T) {
	storetest.Replies(t, func(t *testing.T, now func() time.Time) access.Replies { return open(t, now).Access() })
}

func TestKeys(t *testing.T) {
	storetest.Keys(t, func(t *testing.T, now func() time.Time) seal.Keys { return open(t, now).Keys() })
}

func TestCursor(t *testing.T) {
	storetest.Cursor(t, func(t *testing.T, now func() time.Time) sweep.Cursor { return open(t, now).Cursor() })
}
