package input_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"hermod/shared/input"
	"hermod/shared/job"
	"hermod/shared/sqlite/sqlitetest"
	"hermod/shared/uid"
)

// rig is a world with a service on it, whose calls are counted and may be disturbed.
type rig struct {
	*sqlitetest.World
	service *input.Service
	seam    *seam
}

func newRig(t testing.TB) *rig {
	w := sqlitetest.New(t)
	r := &rig{World: w, seam: &seam{Inputs: w.Inputs(), calls: map[string]int{}}}
	r.service = input.New(input.Config{Jobs: w.Jobs(), Inputs: r.seam, Now: w.Now, Logger: slog.New(slog.DiscardHandler)})
	return r
}

// seam is the engine's side.
type seam struct {
	job.Inputs
	mu    sync.Mutex
	calls map[string]int
	names []string // of pages, in the order in which they were written
	// putChunk stands in for the engine's, if there is one.
	putChunk func(put func() error) error
}

func (s *seam) count(call string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[call]++
}

// since returns how often a call was made since it was asked last.
func (s *seam) since(call string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.calls[call]
	s.calls[call] = 0
	return n
}

func (s *seam) wrote(p job.Page) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names = append(s.names, p.Name)
}

func (s *seam) PutPage(ctx context.Context, r job.Ref, p job.Page) error {
	s.wrote(p)
	return s.Inputs.PutPage(ctx, r, p)
}

func (s *seam) PutNewPage(ctx context.Context, r job.Ref, p job.Page) error {
	s.wrote(p)
	return s.Inputs.PutNewPage(ctx, r, p)
}

func (s *seam) Pages(ctx context.Context, r job.Ref, kind job.PageKind, names ...string) ([]job.Page, error) {
	s.count("pages")
	if len(names) > 100 {
		return nil, fmt.Errorf("%d pages are asked for, want at most 100", len(names))
	}
	return s.Inputs.Pages(ctx, r, kind, names...)
}

func (s *seam) PutChunk(ctx context.Context, r job.Ref, c job.Chunk) error {
	s.count("put chunk")
	put := func() error { return s.Inputs.PutChunk(ctx, r, c) }
	if s.putChunk != nil {
		return s.putChunk(put)
	}
	return put()
}

func (s *seam) Chunks(ctx context.Context, r job.Ref, from, to int) ([]job.Chunk, error) {
	s.mu.Lock()
	s.calls["chunks"] += to - from
	s.mu.Unlock()
	return s.Inputs.Chunks(ctx, r, from, to)
}

// prepared stores a launched job with n inputs, its list closed.
func (r *rig) prepared(n int) job.Job {
	r.T.Helper()
	j := job.Launch(job.Job{UID: uid.New(r.Now()), Project: r.Project, Workflow: r.Workflow, WorkflowName: "Import"}, r.Now())
	j, err := r.service.Prepare(r.T.Context(), j, numbered(0, n))
	if err != nil {
		r.T.Fatal(err)
	}
	if err := r.Jobs().Create(r.T.Context(), j); err != nil {
		r.T.Fatal(err)
	}
	return j
}

// numbered returns n inputs that tell their index.
func numbered(from, n int) []input.Data {
	list := make([]input.Data, n)
	for i := range list {
		list[i] = input.Data{Input: json.RawMessage(fmt.Sprintf(`{"number":%d}`, from+i))}
	}
	return list
}

func (r *rig) job(j job.Job) job.Job {
	r.T.Helper()
	now, err := r.Jobs().Get(r.T.Context(), j.Project, j.UID)
	if err != nil {
		r.T.Fatal(err)
	}
	return now
}

// update takes a job along the statuses.
func (r *rig) update(j job.Job, statuses ...job.Status) job.Job {
	r.T.Helper()
	for _, s := range statuses {
		next, _, err := r.job(j).Apply(job.Update{Status: s}, r.Now())
		if err == nil {
			err = r.Jobs().Update(r.T.Context(), next)
		}
		if err != nil {
			r.T.Fatal(err)
		}
	}
	return r.job(j)
}

func (r *rig) report(j job.Job, reports ...input.Report) input.Reported {
	r.T.Helper()
	out, err := r.service.Report(r.T.Context(), j.Project, j.UID, reports)
	if err != nil {
		r.T.Fatal(err)
	}
	return out
}

// input returns one input.
func (r *rig) input(j job.Job, index int) input.Input {
	r.T.Helper()
	page, _, err := r.service.List(r.T.Context(), r.job(j), input.Query{From: index, Limit: 1})
	if err != nil || len(page) != 1 {
		r.T.Fatalf("List of input %d = %d inputs, %v", index, len(page), err)
	}
	return page[0]
}

// list returns all inputs that a query asks for, page by page.
func (r *rig) list(j job.Job, q input.Query) (all []input.Input) {
	r.T.Helper()
	if q.Limit == 0 {
		q.Limit = 100
	}
	for q.From >= 0 {
		page, next, err := r.service.List(r.T.Context(), r.job(j), q)
		if err != nil {
			r.T.Fatal(err)
		}
		if next >= 0 && next <= q.From {
			r.T.Fatalf("List from %d goes on from %d", q.From, next)
		}
		all, q.From = append(all, page...), next
	}
	return all
}

// results returns all rows, page by page.
func (r *rig) results(j job.Job, limit int) (all []input.Row) {
	r.T.Helper()
	for from := ""; ; {
		rows, next, err := r.service.Results(r.T.Context(), r.job(j), from, limit)
		if err != nil {
			r.T.Fatal(err)
		}
		if len(rows) > limit {
			r.T.Fatalf("Results gives %d rows, want at most %d", len(rows), limit)
		}
		if all = append(all, rows...); next == "" {
			return all
		}
		from = next
	}
}

// reportsOf reports a range of inputs alike.
func reportsOf(from, to int, like input.Report) []input.Report {
	list := make([]input.Report, 0, to-from)
	for i := from; i < to; i++ {
		like.Index = i
		list = append(list, like)
	}
	return list
}

func succeeded(index int, rows ...string) input.Report {
	r := input.Report{Index: index, Status: input.Succeeded, Outputs: len(rows)}
	for _, row := range rows {
		r.Rows = append(r.Rows, json.RawMessage(row))
	}
	return r
}

func failed(index int, label, message string) input.Report {
	return input.Report{Index: index, Status: input.Failed, Error: &input.Error{Label: label, Message: message}}
}
