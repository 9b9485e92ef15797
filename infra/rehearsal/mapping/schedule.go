package mapping

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"sync"
	"time"

	"hermod/infra/template"
	"hermod/shared/uid"
)

// Schedule calls a function at a rate. As with EventBridge Scheduler the first call comes at once. A call that failed is not
// repeated.
type Schedule struct {
	template.Schedule
	Invoke func(event []byte) ([]byte, error)
	Logger *slog.Logger
}

// Check says what is wrong with the schedule.
func (s Schedule) Check() error {
	_, err := rate(s.Expression)
	return err
}

// Run calls until ctx ends, then waits for the calls that are under way. Errors: those of Check.
func (s Schedule) Run(ctx context.Context) error {
	every, err := rate(s.Expression)
	if err != nil {
		return err
	}
	var calls sync.WaitGroup
	defer calls.Wait()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		calls.Go(s.call)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (s Schedule) call() {
	if _, err := s.Invoke(s.event(time.Now())); err != nil {
		s.Logger.Warn("scheduled call failed", "schedule", s.ID, "error", err.Error())
	}
}

func (s Schedule) event(now time.Time) []byte {
	if s.Input != "" {
		return []byte(s.Input)
	}
	event, err := json.Marshal(map[string]any{
		"version": "0", "id": uid.New(now), "detail-type": "Scheduled Event", "source": "aws.scheduler", "account": template.Account,
		"time": now.UTC().Format(time.RFC3339), "region": template.Region, "detail": "{}",
		"resources": []string{"arn:aws:scheduler:" + template.Region + ":" + template.Account + ":schedule/default/" + s.Name},
	})
	if err != nil {
		panic(err) // strings only
	}
	return event
}

var rateExpression = regexp.MustCompile(`^rate\((\d+) (minute|hour|day)s?\)$`)

// rate reads an expression like rate(5 minutes).
func rate(expression string) (time.Duration, error) {
	found := rateExpression.FindStringSubmatch(expression)
	if found == nil {
		return 0, fmt.Errorf("schedule %q: a rehearsal knows rate(N minutes), hours and days only", expression)
	}
	n, err := strconv.Atoi(found[1])
	if err != nil || n < 1 {
		return 0, fmt.Errorf("schedule %q: no number of %ss", expression, found[2])
	}
	return time.Duration(n) * map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}[found[2]], nil
}
