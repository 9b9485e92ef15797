package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"hermod/shared/job"
)

const (
	maxUpdates = 100 // of one request
	atOnce     = 8   // how many jobs one request changes at a time
)

// bulkUpdate is many reports about jobs.
type bulkUpdate struct {
	Updates []bulkItem `json:"updates" api:"required"`
}

type bulkItem struct {
	UID string `json:"uid" api:"required,uid"`
	statusReport
}

// bulkResult is what the report would have been answered alone.
type bulkResult struct {
	UID        string      `json:"uid"`
	StatusCode int         `json:"status_code"`
	Job        *job.Record `json:"job,omitempty"`   // of 200
	Error      *report     `json:"error,omitempty"` // of anything else
}

type bulkAnswer struct {
	Results []bulkResult `json:"results"` // in the order of the updates
}

// updateJobs carries out each report as if it came alone; those about the same job one after the other, as they stand.
func (a *api) updateJobs(ctx context.Context, c *call, q bulkUpdate) (bulkAnswer, error) {
	if n := len(q.Updates); n == 0 || n > maxUpdates {
		return bulkAnswer{}, invalid("updates", "has %d entries, want 1 to %d", n, maxUpdates)
	}
	places := map[string][]int{}
	var uids []string
	for i, u := range q.Updates {
		if places[u.UID] == nil {
			uids = append(uids, u.UID)
		}
		places[u.UID] = append(places[u.UID], i)
	}
	results, errs := make([]bulkResult, len(q.Updates)), make([]error, len(q.Updates))
	each(len(uids), func(n int) {
		for _, i := range places[uids[n]] {
			results[i], errs[i] = a.updateOne(ctx, c, q.Updates[i])
		}
	})
	if !slices.ContainsFunc(results, func(r bulkResult) bool { return r.StatusCode < http.StatusInternalServerError }) {
		return bulkAnswer{}, errs[0] // nothing came of any: there is no answer to keep
	}
	return bulkAnswer{results}, nil
}

func (a *api) updateOne(ctx context.Context, c *call, u bulkItem) (bulkResult, error) {
	j, err := a.applyReport(ctx, c, u.UID, u.statusReport)
	if err != nil {
		e := c.explain(err).report(c.id)
		if e.Status >= http.StatusInternalServerError {
			c.Logger.Error("one of many updates", "request_id", c.id, "project", c.project(), "job", u.UID, "error", err.Error())
		}
		return bulkResult{UID: u.UID, StatusCode: e.Status, Error: &e}, err
	}
	j.Configuration = nil // a hundred of them would be more than an answer holds
	r := j.Record()
	return bulkResult{UID: u.UID, StatusCode: http.StatusOK, Job: &r}, nil
}

// each calls do with every number below n, some at a time, and returns after the last. A panic of one is raised again.
func each(n int, do func(int)) {
	var workers sync.WaitGroup
	var broken atomic.Pointer[crash]
	guarded := func(i int) {
		defer func() {
			if p := recover(); p != nil {
				broken.Store(panicked(p))
			}
		}()
		do(i)
	}
	numbers := make(chan int)
	for range min(n, atOnce) {
		workers.Go(func() {
			for i := range numbers {
				guarded(i)
			}
		})
	}
	for i := range n {
		numbers <- i
	}
	close(numbers)
	workers.Wait()
	if b := broken.Load(); b != nil {
		panic(fmt.Sprintf("%v\n%s", b.value, b.stack))
	}
}
