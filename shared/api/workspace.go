package api

import (
	"context"
	"time"

	"hermod/shared/job"
)

// planName is what an installation of one's own is to clients that ask what was bought.
const planName = "self-hosted"

// workspace is the project as clients of the v3 API see it. They expect every key; nothing is sold here, so no task is counted.
type workspace struct {
	UID        string   `json:"uid"`
	Name       string   `json:"name"`
	PlanName   string   `json:"plan_name"`
	MonthStart job.Time `json:"current_month_start"`
	MonthEnd   job.Time `json:"current_month_end"` // when the next month begins
	TasksUsed  *int     `json:"tasks_used"`
	TasksMax   *int     `json:"tasks_max"`
	TasksLeft  *int     `json:"tasks_left"`
}

func (a *api) getWorkspace(ctx context.Context, c *call, _ struct{}) (workspace, error) {
	p, err := a.Access.Store().Project(ctx, c.project())
	now := c.now()
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	return workspace{
		UID: p.UID, Name: p.Name, PlanName: planName, MonthStart: job.Time(month), MonthEnd: job.Time(month.AddDate(0, 1, 0)),
	}, err
}
