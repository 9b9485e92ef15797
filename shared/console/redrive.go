package console

import (
	"context"
	"time"
)

// lookedAt is for how long after its end a redrive is looked at closely.
const lookedAt = 2 * time.Minute

// redriveView is a redrive, and how far it is.
type redriveView struct {
	redriveTask
	Named []string // its filters, in words
	Live  int      // seconds until it may have changed; 0: it will not
}

func (s *console) redrivePage(ctx context.Context, c *call) (reply, error) {
	task, err := get[redriveTask](ctx, c, redrivePath(c.uid()), nil)
	if err != nil {
		return reply{}, err
	}
	names, err := c.namesOf(ctx, []redriveTask{task})
	view := redriveView{redriveTask: task, Named: names.Filters(task.Filters), Live: task.live(s.Now())}
	return reply{page: "redrive", title: "Redrive of " + task.Title(), data: view}, err
}

// cancelRedrive ends a redrive. It may have ended by itself meanwhile.
func (s *console) cancelRedrive(ctx context.Context, c *call) (reply, error) {
	path := redrivePath(c.uid())
	task, err := post[redriveTask](ctx, c, path+"/cancel", nil)
	if err != nil {
		return reply{}, err
	}
	if task.State != "cancelled" {
		return goTo(path, "redrive-over")
	}
	return goTo(path, "redrive-cancelled")
}

// live is after how many seconds to look again. What was counted at the end of a redrive, and not since, is not counted any more.
func (t redriveTask) live(now time.Time) int {
	switch {
	case t.EndedAt == nil:
		return 1
	case t.Waiting == 0 || t.CountedAt == nil || !t.CountedAt.After(*t.EndedAt):
		return 0
	case now.Sub(*t.EndedAt) < lookedAt:
		return 3
	}
	return 30
}

// Title says what it was to redrive.
func (t redriveTask) Title() string {
	if t.More() {
		return "more than " + plural(t.Matched, nounOf(t.Filters.State))
	}
	return plural(t.Matched, nounOf(t.Filters.State))
}

// Total is how many deliveries the redrive takes: as far as it is known, and more are sent if more have died since.
func (t redriveTask) Total() int { return max(t.Matched, t.Sent) }

// Left says how long sending what is left will take.
func (t redriveTask) Left() string { return takes(t.Total()-t.Sent, t.Rate) }

// takes says how long so many deliveries take, at a rate in deliveries a second.
func takes(n, rate int) string { return span(max(1, (n+rate-1)/rate)) }

// Bar is what has become of what was sent.
func (t redriveTask) Bar() stack {
	return newStack(number(t.Sent)+" sent", t.Sent,
		segment{Tone: "good", Name: "succeeded", Count: t.Succeeded},
		segment{Tone: "wait", Name: "waiting", Count: t.Waiting},
		segment{Tone: "bad", Name: "failed again", Count: t.Failed},
		segment{Tone: "off", Name: "not counted yet", Count: max(0, t.Sent-t.Succeeded-t.Waiting-t.Failed)},
	)
}

// DeadLetters is the URL of the dead letters that meet the redrive's filters now, for whatever reason they failed last.
func (t redriveTask) DeadLetters() string {
	query := t.Filters.query()
	query.Del("error_class")
	return Base + "/dead-letters?" + query.Encode()
}

// Log is the URL of the deliveries that meet the redrive's filters, as far as the log knows them.
func (t redriveTask) Log() string {
	query := t.Filters.query()
	query.Del("error_class")
	query.Del("workflow_uid")
	return Base + "/deliveries?" + query.Encode()
}
