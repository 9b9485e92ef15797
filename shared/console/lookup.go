package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"sync"
)

// webhooksOf reads the webhooks with these uids; without those that are not there any more.
func (c *call) webhooksOf(ctx context.Context, uids []string) (map[string]webhook, error) {
	return lookUp[webhook](ctx, c, webhookPath, uids)
}

// jobsOf reads the jobs with these uids; without those that are not there any more.
func (c *call) jobsOf(ctx context.Context, uids []string) (map[string]job, error) {
	return lookUp[job](ctx, c, jobPath, uids)
}

// workflowsOf reads the workflows with these uids; without those that are not there any more.
func (c *call) workflowsOf(ctx context.Context, uids []string) (map[string]workflow, error) {
	return lookUp[workflow](ctx, c, workflowPath, uids)
}

// lookUp reads what has these uids, each once.
func lookUp[T any](ctx context.Context, c *call, path func(uid string) string, uids []string) (map[string]T, error) {
	uids = slices.Compact(slices.Sorted(slices.Values(uids)))
	uids = slices.DeleteFunc(uids, func(uid string) bool { return uid == "" })
	found, mu := map[string]T{}, sync.Mutex{}
	err := each(len(uids), func(i int) error {
		v, err := get[T](ctx, c, path(uids[i]), nil)
		if _, gone := refused(err, http.StatusNotFound); gone {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		found[uids[i]] = v
		return err
	})
	return found, err
}

// named returns what was found of a uid; of what is not there any more, what is known: its uid.
func named[T any](found map[string]T, uid string, bare T) T {
	if v, ok := found[uid]; ok {
		return v
	}
	return bare
}

// allWebhooks reads every webhook of the project, newest first: at most 1,000.
func (c *call) allWebhooks(ctx context.Context) (all []webhook, err error) {
	for query := (url.Values{"limit": {"100"}}); ; {
		page, err := get[list[webhook]](ctx, c, "/webhooks", query)
		if err != nil {
			return nil, err
		}
		if all = append(all, page.Results...); page.cursor() == "" {
			return all, nil
		}
		query.Set("cursor", page.cursor())
	}
}

// workflows reads every workflow of the project: at most 1,000.
func (c *call) workflows(ctx context.Context) ([]workflow, error) {
	return get[[]workflow](ctx, c, "/workflows", nil)
}

const workflowsOffered = 200 // in a select; of a project with more, one types the uid

// offered returns workflows to choose from in a select; nil if there are too many for one.
func offered(workflows []workflow) []workflow {
	if len(workflows) > workflowsOffered {
		return nil
	}
	return workflows
}
