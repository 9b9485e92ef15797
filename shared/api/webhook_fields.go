package api

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"hermod/shared/job"
	"hermod/shared/retry"
	"hermod/shared/signature"
	"hermod/shared/webhook"
)

const (
	minHinted = 16 // characters of a header value whose last ones may be shown
	hinted    = 4  // characters shown
)

// hookFields are what a client says of a webhook. What is not given stays as it is.
type hookFields struct {
	Name        opt[string]           `json:"name"`
	URL         opt[string]           `json:"url"`
	Events      opt[[]job.EventType]  `json:"events"`
	WorkflowUID opt[string]           `json:"workflow_uid" api:"nullable,uid"`
	JobUID      opt[string]           `json:"job_uid" api:"nullable,uid"`
	Headers     opt[[]headerField]    `json:"headers"`
	Payload     opt[job.Format]       `json:"payload"`
	Enabled     opt[bool]             `json:"enabled"`
	Signatures  opt[[]webhook.Scheme] `json:"signatures"`
	Schedule    opt[[]int]            `json:"retry_schedule" api:"nullable"` // seconds
	Timeout     opt[int]              `json:"timeout_seconds" api:"range=1..20"`
	MaxRate     json.RawMessage       `json:"max_rate" api:"nullable"`
	Description opt[string]           `json:"description"`
}

// headerField is a header of the webhook's own. Without a value it keeps the stored one.
type headerField struct {
	Name  string      `json:"name" api:"required"`
	Value opt[string] `json:"value"`
}

// hookView is a webhook as clients see it.
type hookView struct {
	UID            string           `json:"uid"`
	Name           string           `json:"name"`
	URL            string           `json:"url"`
	Events         []job.EventType  `json:"events"`
	WorkflowUID    *string          `json:"workflow_uid"`
	JobUID         *string          `json:"job_uid"`
	Headers        []headerView     `json:"headers"`
	Payload        job.Format       `json:"payload"`
	Enabled        bool             `json:"enabled"`
	DisabledReason *string          `json:"disabled_reason"`
	Secret         string           `json:"secret,omitempty"` // in the answer that made it, never again
	SecretHint     *string          `json:"secret_hint"`      // of the current secret of v1
	Signatures     []webhook.Scheme `json:"signatures"`
	PublicKey      *string          `json:"public_key"`     // of the current key pair of v1a
	RetrySchedule  []int            `json:"retry_schedule"` // null: the default schedule
	TimeoutSeconds int              `json:"timeout_seconds"`
	MaxRate        *int             `json:"max_rate"`
	Description    string           `json:"description"`
	CreatedAt      job.Time         `json:"created_at"`
	UpdatedAt      job.Time         `json:"updated_at"`
	LastSuccessAt  *job.Time        `json:"last_success_at"` // null: none was noted
	FailingSince   *job.Time        `json:"failing_since"`   // null: the last one was a success, or there was none
}

type headerView struct {
	Name string `json:"name"`
	Hint string `json:"hint"`
}

func viewHook(w webhook.Webhook) hookView {
	v := hookView{
		UID: w.UID, Name: w.Name, URL: w.URL, Events: w.Events, WorkflowUID: orNull(w.Workflow), JobUID: orNull(w.Job),
		Headers: []headerView{}, Payload: w.Payload, Enabled: w.Enabled, DisabledReason: orNull(string(w.Reason)),
		Signatures: w.SignedBy(), RetrySchedule: retry.Schedule(w.Schedule).Seconds(), TimeoutSeconds: int(w.PerAttempt() / time.Second),
		Description: w.Description, CreatedAt: job.Time(w.CreatedAt), UpdatedAt: job.Time(w.UpdatedAt),
	}
	for _, h := range w.Headers {
		v.Headers = append(v.Headers, headerView{h.Name, h.Hint})
	}
	if s, ok := w.Current(webhook.SchemeV1); ok {
		v.SecretHint = &s.Hint
	}
	if s, ok := w.Current(webhook.SchemeV1a); ok {
		v.PublicKey = &s.Public
	}
	return v
}

// withHealth shows how the webhook's requests have ended.
func (v hookView) withHealth(h webhook.Health) hookView {
	v.LastSuccessAt, v.FailingSince = orNull(job.Time(h.LastSuccessAt)), orNull(job.Time(h.FailingSince))
	return v
}

// withSecret shows a secret of v1 that is new, this once; none if s is zero.
func (v hookView) withSecret(s signature.Secret) hookView {
	v.Secret = s.Reveal()
	return v
}

// compose returns the webhook with the fields that were given, judged.
func (a *api) compose(ctx context.Context, w webhook.Webhook, f hookFields) (webhook.Webhook, error) {
	if err := f.checkOffered(); err != nil {
		return w, err
	}
	f.setPlain(&w)
	if err := f.setSchedule(&w); err != nil {
		return w, err
	}
	if err := w.Validate(a.Rules); err != nil {
		return w, err
	}
	if err := a.setScope(ctx, &w, f); err != nil {
		return w, err
	}
	return a.setHeaders(ctx, w, f.Headers)
}

// checkOffered refuses what would be stored and have no effect.
func (f hookFields) checkOffered() error {
	if f.MaxRate != nil {
		return refuse(notOffered, "max_rate must be null or left out: it is not offered by this version yet.").with("field", "max_rate")
	}
	return nil
}

// setPlain takes over what needs no look at anything else. Who disables a webhook that is disabled changes nothing about why.
func (f hookFields) setPlain(w *webhook.Webhook) {
	set(&w.Name, f.Name)
	set(&w.URL, f.URL)
	set(&w.Events, f.Events)
	set(&w.Workflow, f.WorkflowUID)
	set(&w.Job, f.JobUID)
	set(&w.Payload, f.Payload)
	set(&w.Description, f.Description)
	if f.Timeout.given {
		w.Timeout = time.Duration(f.Timeout.value) * time.Second
	}
	if f.Signatures.given && !slices.Equal(f.Signatures.value, w.SignedBy()) {
		*w = w.SignBy(f.Signatures.value)
	}
	if f.Enabled.given && f.Enabled.value != w.Enabled {
		w.Enabled, w.Reason = f.Enabled.value, ""
		if !w.Enabled {
			w.Reason = webhook.DisabledByUser
		}
	}
}

// set takes a field over if it was given; null is the zero value.
func set[T any](to *T, f opt[T]) {
	if f.given {
		*to = f.value
	}
}

func (f hookFields) setSchedule(w *webhook.Webhook) error {
	if !f.Schedule.given {
		return nil
	}
	s, err := retry.FromSeconds(f.Schedule.value)
	if err != nil {
		return invalid("retry_schedule", "cannot be used: %s", detail(retry.ErrSchedule, err))
	}
	w.Schedule = s
	return nil
}

// setScope judges that what the webhook is to be bound to is there.
func (a *api) setScope(ctx context.Context, w *webhook.Webhook, f hookFields) error {
	if f.WorkflowUID.given && w.Workflow != "" {
		switch _, err := a.Workflows.Workflow(ctx, w.Project, w.Workflow); {
		case errors.Is(err, job.ErrNoWorkflow):
			return absent("workflow_uid", "workflow")
		case err != nil:
			return err
		}
	}
	if f.JobUID.given && w.Job != "" {
		switch _, err := a.Jobs.Get(ctx, w.Project, w.Job); {
		case errors.Is(err, job.ErrNotFound):
			return absent("job_uid", "job")
		case err != nil:
			return err
		}
	}
	return nil
}

// setHeaders replaces the webhook's headers by those given. Names are judged before values are sealed.
func (a *api) setHeaders(ctx context.Context, w webhook.Webhook, f opt[[]headerField]) (webhook.Webhook, error) {
	if !f.given {
		return w, nil
	}
	stored := w.Headers
	w.Headers = make([]webhook.Header, len(f.value))
	for i, h := range f.value {
		w.Headers[i].Name = h.Name
	}
	if err := w.Validate(a.Rules); err != nil {
		return w, err
	}
	for i, h := range f.value {
		var err error
		if w.Headers[i], err = a.header(ctx, w, h, stored); err != nil {
			return w, err
		}
	}
	return w, nil
}

func (a *api) header(ctx context.Context, w webhook.Webhook, h headerField, stored []webhook.Header) (webhook.Header, error) {
	if !h.Value.given {
		i := slices.IndexFunc(stored, func(s webhook.Header) bool { return strings.EqualFold(s.Name, h.Name) })
		if i < 0 {
			return webhook.Header{}, invalid("headers", "needs a value for %s: there is no stored one to keep", h.Name)
		}
		return webhook.Header{Name: h.Name, Sealed: stored[i].Sealed, Hint: stored[i].Hint}, nil
	}
	if err := webhook.CheckHeaderValue(h.Name, h.Value.value); err != nil {
		return webhook.Header{}, err
	}
	sealed, err := a.Box.Seal(ctx, w.Project, w.UID, webhook.HeaderField(h.Name), []byte(h.Value.value))
	return webhook.Header{Name: h.Name, Sealed: sealed, Hint: hint(h.Value.value)}, err
}

// hint returns what may be shown of a header value for good: its last characters if it is long enough to stay a secret.
func hint(value string) string {
	r := []rune(value)
	if len(r) < minHinted {
		return "***"
	}
	return "…" + string(r[len(r)-hinted:])
}
