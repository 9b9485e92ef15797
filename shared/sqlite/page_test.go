package sqlite

import (
	"fmt"
	"testing"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/job"
	"hermod/shared/uid"
)

// TestListComesToRareRowsInBoundedSteps has more rows than a page looks at, and asks for one of the oldest.
func TestListComesToRareRowsInBoundedSteps(t *testing.T) {
	const rows, events = 2*maxListed + 100, 2*maxExamined + 100
	clock := newClock()
	db := open(t, clock.now)
	want := uid.New(clock.now())
	for from := 0; from < rows; from += 100 {
		err := db.write(t.Context(), "test", func(x *tx) error {
			for i := from; i < from+100; i++ {
				d, _ := aDelivery(uid.Derive(clock.now().Add(time.Duration(i)*time.Second), "job", i), "common", clock.now())
				if i == 0 {
					d.UID = delivery.UID{Event: want, Webhook: "rare"}
				}
				d.State = delivery.Dead
				if _, err := x.exec("INSERT INTO delivery ("+deliveryColumns+") VALUES ("+deliveryMarks+")", deliveryValues(d)...); err != nil {
					return err
				}
				if i < events {
					_, err := x.exec(`INSERT INTO event (`+headColumns+`, expires_at) VALUES (?, ?, ?, '', 'created', 1, ?, 0, ?, ?)`,
						d.Project, d.UID.Event, d.Job, clock.now(), d.UID.Webhook+" v3\n", d.ExpiresAt)
					if err != nil {
						return err
					}
				}
				j := job.Job{UID: d.UID.Event, Project: d.Project, Workflow: "f", Status: job.Running, UpdatedAt: clock.now()}
				switch i {
				case 0:
					j.Workflow = "rare"
				case 1:
					j.Status = job.Finished
				}
				if _, err := db.Jobs().insert(x, j, encode(toJobDoc(j))); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	d, _ := aDelivery("", "", clock.now())
	lists := map[string]func(before string) (found []string, next string, err error){
		"deliveries": func(before string) (found []string, next string, err error) {
			page, next, err := db.Log().List(t.Context(), delivery.Query{Project: d.Project, State: delivery.Dead, Webhook: "rare", Before: before, Limit: 20})
			for _, d := range page {
				found = append(found, d.UID.Event)
			}
			return found, next, err
		},
		"events": func(before string) (found []string, next string, err error) {
			page, next, err := db.Archive().Events(t.Context(), delivery.EventQuery{Project: d.Project, Webhook: "rare", Before: before, Limit: 20})
			for _, e := range page {
				found = append(found, e.UID)
			}
			return found, next, err
		},
		"jobs": func(before string) (found []string, next string, err error) {
			page, next, err := db.Jobs().List(t.Context(), job.Query{Project: d.Project, Workflow: "rare", Status: job.Running, Before: before, Limit: 20})
			for _, j := range page {
				found = append(found, j.UID)
			}
			return found, next, err
		},
	}
	for name, list := range lists {
		t.Run(name, func(t *testing.T) {
			var pages []string
			for next := ""; ; {
				found, after, err := list(next)
				if err != nil {
					t.Fatal(err)
				}
				pages = append(pages, fmt.Sprint(len(found)))
				if len(found) > 0 && found[0] != want {
					t.Errorf("found %s, want %s", found[0], want)
				}
				if next = after; next == "" {
					break
				}
			}
			if got := fmt.Sprint(pages); got != "[0 0 1]" {
				t.Errorf("pages have %s rows, want two empty ones and then the rare row", got)
			}
		})
	}
	t.Run("jobs of a status", func(t *testing.T) {
		page, next, err := db.Jobs().List(t.Context(), job.Query{Project: d.Project, Status: job.Finished, Limit: 20})
		if len(page) != 1 || next != "" || err != nil {
			t.Errorf("List of finished jobs = %d, %q, %v, want the only one and the end at once", len(page), next, err)
		}
	})
	t.Run("counts", func(t *testing.T) {
		for _, count := range []struct {
			hook string
			most int
			n    int
			more bool
		}{
			{"", rows, rows, false}, {"", rows - 1, rows - 1, true}, {"common", rows, maxListed, true}, {"common", 100, 100, true}, {"rare", 100, 0, true},
		} {
			n, more, err := db.Log().Count(t.Context(), delivery.Query{Project: d.Project, State: delivery.Dead, Webhook: count.hook}, count.most)
			if n != count.n || more != count.more || err != nil {
				t.Errorf("Count of webhook %q up to %d = %d, more %v, %v, want %d, more %v", count.hook, count.most, n, more, err, count.n, count.more)
			}
		}
	})
	t.Run("jobs passed over", func(t *testing.T) {
		page, next, err := db.Jobs().List(t.Context(), job.Query{Project: d.Project, Skip: rows - 1, Limit: 20})
		if len(page) != 1 || page[0].UID != want || next != "" || err != nil {
			t.Errorf("List after all jobs but one = %d, %q, %v, want the oldest and the end", len(page), next, err)
		}
	})
	t.Run("a day", func(t *testing.T) {
		since := clock.now().Add(time.Hour)
		page, next, err := db.Log().List(t.Context(), delivery.Query{
			Project: d.Project, State: delivery.Dead, Since: since, Until: since.Add(10 * time.Second), Limit: 100,
		})
		if len(page) != 10 || next != "" || err != nil {
			t.Errorf("List of ten seconds = %d rows, %q, %v, want 10 and the end", len(page), next, err)
		}
	})
	t.Run("a job", func(t *testing.T) {
		page, next, err := db.Archive().Events(t.Context(), delivery.EventQuery{Project: d.Project, Job: "none", Type: job.EventCreated, Limit: 100})
		if len(page) != 0 || next != "" || err != nil {
			t.Errorf("Events of a job without any = %d, %q, %v, want the end at once", len(page), next, err)
		}
	})
}
