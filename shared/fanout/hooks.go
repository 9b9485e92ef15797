package fanout

import (
	"context"
	"fmt"
	"sync"

	"hermod/shared/webhook"
)

// hookLists remembers each project's list of matches for as long as its hooks version stays.
type hookLists struct {
	store webhook.Store

	mu    sync.Mutex
	known map[string]hookList
}

type hookList struct {
	version int
	ofJobs  bool // some job has webhooks of its own
	matches []webhook.Match
	err     error // the store could not be reached
	bad     error // what the store has cannot be read
}

// of returns the lists of all projects in the batch, each valid at a moment after this call began.
func (h *hookLists) of(ctx context.Context, batch []record) map[string]hookList {
	lists := map[string]hookList{}
	for _, r := range batch {
		project := r.job.Project
		if _, ok := lists[project]; ok || r.bad != nil {
			continue
		}
		var l hookList
		if panicked := contain(func() error { l = h.list(ctx, project); return nil }); panicked != nil {
			l = hookList{bad: panicked}
		}
		lists[project] = l
	}
	return lists
}

// list reads the version first: a list read after it is at least as new, and a webhook made in between only makes the next
// batch read once more.
func (h *hookLists) list(ctx context.Context, project string) hookList {
	version, ofJobs, err := h.store.HooksVersion(ctx, project)
	if err != nil {
		return hookList{err: fmt.Errorf("read hooks version of project %s: %w", project, err)}
	}
	h.mu.Lock()
	l, ok := h.known[project]
	h.mu.Unlock()
	if ok && l.version == version {
		return l
	}
	matches, err := h.store.ProjectMatches(ctx, project)
	if err != nil {
		return hookList{err: fmt.Errorf("list webhooks of project %s: %w", project, err)}
	}
	l = hookList{version: version, ofJobs: ofJobs, matches: matches}
	h.mu.Lock()
	h.known[project] = l
	h.mu.Unlock()
	return l
}
