package fanout_test

import (
	"encoding/json"
	"errors"
	"testing"

	"hermod/shared/delivery"
	"hermod/shared/fanout"
	"hermod/shared/job"
	"hermod/shared/sqlite/sqlitetest"
)

// decoder reads images that are a job as JSON; before a release that reads "later" is there, one of those is refused.
func decoder(readsLater *bool) func(json.RawMessage) (job.Job, error) {
	return func(raw json.RawMessage) (job.Job, error) {
		var image struct {
			Later bool
			Job   job.Job
		}
		if err := json.Unmarshal(raw, &image); err != nil {
			panic(err)
		}
		if image.Later && !*readsLater {
			return job.Job{}, errors.New("an attribute of a kind not known")
		}
		return image.Job, nil
	}
}

func TestAnImageThatCannotBeReadIsParkedWhole(t *testing.T) {
	w := sqlitetest.New(t)
	w.Hook("https://example.com/")
	var readsLater bool
	f := newFanout(w, func(c *fanout.Config) { c.Decode = decoder(&readsLater) })
	image := func(later bool) json.RawMessage {
		raw, err := json.Marshal(map[string]any{"later": later, "job": w.Launch("a job")})
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	for i, err := range f.HandleImages(t.Context(), []json.RawMessage{image(false), image(true), json.RawMessage(`"no image"`), image(false)}) {
		if err != nil {
			t.Errorf("image %d does not pass: %v", i, err)
		}
	}
	if got := w.Messages(delivery.LaneFirst); len(got) != 2 {
		t.Errorf("%d messages are sent, want those of the 2 images that can be read", len(got))
	}
	parked := w.Receive(delivery.LaneOps)
	if len(parked) != 2 {
		t.Fatalf("%d images are parked, want 2", len(parked))
	}
	readsLater = true
	acknowledged := 0
	for _, r := range parked {
		if !fanout.Parked(r.Body) {
			t.Errorf("Parked(%s) = false, want true", r.Body)
		}
		if f.Again(t.Context(), r).Acknowledge {
			acknowledged++
		}
	}
	if got := w.Messages(delivery.LaneFirst); len(got) != 1 || acknowledged != 1 {
		t.Errorf("after a release that reads one of them %d messages are sent and %d records acknowledged, want 1 and 1", len(got), acknowledged)
	}
}
