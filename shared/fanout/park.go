package fanout

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"hermod/shared/delivery"
	"hermod/shared/job"
)

// parkedKind marks a parked record among the messages of the lane ops.
const parkedKind = "record"

// parked is a record that could not be processed, as it travels in the lane ops.
type parked struct {
	Format int             `json:"f"`
	Kind   string          `json:"kind"`
	Why    string          `json:"why"`
	Job    *job.Job        `json:"job,omitempty"`
	Image  json.RawMessage `json:"image,omitempty"` // in the place of Job where the stream's image was handed over
}

// park hands what cannot be processed to the lane ops, where it is tried again and, in the end, comes to an operator's notice.
func (f *Fanout) park(ctx context.Context, batch []record) {
	for i := range batch {
		r := &batch[i]
		if r.bad == nil {
			continue
		}
		f.Logger.Error("event parked", "job", r.job.UID, "project", r.job.Project, "version", r.job.Version, "error", r.bad.Error())
		p := parked{Format: 1, Kind: parkedKind, Why: r.bad.Error(), Image: r.raw}
		if r.raw == nil {
			image := r.job
			image.Configuration = nil // no event tells it, and with it the image may be longer than a message
			p.Job = &image
		}
		body, err := json.Marshal(p)
		if err == nil {
			err = contain(func() error {
				return f.Queue.Send(ctx, delivery.LaneOps, delivery.Parcel{Group: cmp.Or(r.job.UID, parkedKind), Body: body})
			})
		}
		if err != nil {
			r.err = fmt.Errorf("park record of job %s: %w", r.job.UID, err)
		}
	}
}

// Parked reports whether a message of the lane ops is a parked record.
func Parked(body []byte) bool {
	var head struct{ Kind string }
	return json.Unmarshal(body, &head) == nil && head.Kind == parkedKind
}

// Again fans a parked record out, now that the release or the data may be another. If it still cannot be processed it is handed
// back.
func (f *Fanout) Again(ctx context.Context, r delivery.Receipt) delivery.Verdict {
	var p parked
	err := json.Unmarshal(r.Body, &p)
	if err == nil && p.Format > 1 {
		return delivery.HandedOver()
	}
	batch := []record{{raw: p.Image}}
	switch rec := &batch[0]; {
	case err != nil:
		rec.bad = err
	case p.Job != nil:
		rec.job = *p.Job
	default:
		rec.decode(f.Decode)
	}
	f.archive(ctx, batch)
	f.send(ctx, batch)
	if err = errors.Join(batch[0].err, batch[0].bad); err != nil {
		f.Logger.Error("parked record failed again", "job", batch[0].job.UID, "receives", r.Receives, "error", err.Error())
		return delivery.HandedBack(r.Receives)
	}
	return delivery.Acknowledged()
}
