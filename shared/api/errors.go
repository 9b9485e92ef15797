package api

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"hermod/shared/access"
	"hermod/shared/delivery"
	"hermod/shared/input"
	"hermod/shared/job"
	"hermod/shared/redrive"
	"hermod/shared/webhook"
)

// label is what a program tells errors apart by.
type label string

const (
	badJSON        label = "INVALID_JSON"
	badField       label = "INVALID_FIELD"
	badParameter   label = "INVALID_PARAMETER"
	badCursor      label = "INVALID_CURSOR"
	badHeader      label = "INVALID_HEADER"
	notOffered     label = "NOT_OFFERED"
	noKey          label = "UNAUTHORIZED"
	noScope        label = "MISSING_SCOPE"
	otherProject   label = "WRONG_PROJECT"
	notFound       label = "NOT_FOUND"
	noRoute        label = "NO_SUCH_ROUTE"
	badMethod      label = "METHOD_NOT_ALLOWED"
	badMove        label = "ILLEGAL_TRANSITION"
	badResult      label = "RESULT_CONTRADICTS_INPUTS"
	staleVersion   label = "STALE_VERSION"
	busy           label = "CHANGED_MEANWHILE"
	quota          label = "QUOTA"
	listClosed     label = "LIST_CLOSED"
	jobEnded       label = "JOB_ENDED"
	otherInputs    label = "OTHER_INPUTS"
	inputsGap      label = "INPUTS_GAP"
	nothingToRetry label = "NOTHING_TO_RETRY"
	noEvent        label = "NO_EVENT"
	notArchived    label = "EVENT_NOT_READY"
	expired        label = "EVENT_EXPIRED"
	hookDisabled   label = "WEBHOOK_DISABLED"
	hookDeleted    label = "WEBHOOK_DELETED"
	keyInUse       label = "KEY_IN_USE"
	inFlight       label = "REQUEST_IN_FLIGHT"
	tooLarge       label = "BODY_TOO_LARGE"
	badMediaType   label = "UNSUPPORTED_MEDIA_TYPE"
	otherRequest   label = "IDEMPOTENCY_KEY_REUSED"
	tooMany        label = "RATE_LIMITED"
	internalError  label = "INTERNAL_ERROR"
	inputsBusy     label = "INPUTS_BUSY"
	outOfReach     label = "UNAVAILABLE"
)

// What an error is about.
const (
	scopeOfAuth    = "auth"   // the key
	scopeOfRequest = "param"  // the request, or what it meets
	scopeOfService = "server" // us
)

const (
	retrySoon = time.Second
	maxShown  = 64 // bytes of a client's own text in a sentence
)

// labels is every error a client can see: its status, its scope, and the sentence where no better one is known.
var labels = []struct {
	label    label
	status   int
	scope    string
	sentence string
}{
	{badJSON, 400, scopeOfRequest, "The body is not the JSON this request takes."},
	{badField, 400, scopeOfRequest, "A field of the body is not as it must be."},
	{badParameter, 400, scopeOfRequest, "A query parameter is not as it must be."},
	{badCursor, 400, scopeOfRequest, "The cursor is none that this list has given for these filters. Leave it out to begin with the first page."},
	{badHeader, 400, scopeOfRequest, "A header of the request is not as it must be."},
	{notOffered, 400, scopeOfRequest, "This version does not offer that."},
	{noKey, 401, scopeOfAuth, "Send an API key of this installation that has not expired, as X-API-Key: KEY or Authorization: x-api-key KEY."},
	{noScope, 403, scopeOfAuth, "The API key lacks the scope that this request needs."},
	{otherProject, 403, scopeOfAuth, "x-project-id is not the project of the API key. Leave it out, or send the key's own project."},
	{notFound, 404, scopeOfRequest, "There is nothing of this uid in the project."},
	{noRoute, 404, scopeOfRequest, "There is no such path. Paths begin with /v3 and have no trailing slash; /v3/openapi.yaml lists them."},
	{badMethod, 405, scopeOfRequest, "This path does not take this method."},
	{badMove, 409, scopeOfRequest, "The job cannot move to this status from the one it has."},
	{badResult, 409, scopeOfRequest, "The status is not the result of the job's inputs."},
	{staleVersion, 409, scopeOfRequest, "The job has changed since the version given. Read it again, and send the version it has now, or none."},
	{busy, 409, scopeOfRequest, "Others change the same thing at this moment. Send the request again."},
	{quota, 409, scopeOfRequest, "There are as many of these as there may be; message says what and how many."},
	{listClosed, 409, scopeOfRequest, "The job's list of inputs is complete, so nothing can be appended."},
	{jobEnded, 409, scopeOfRequest, "The job has ended and takes no more inputs. Retry it first, or launch another."},
	{otherInputs, 409, scopeOfRequest, "Other inputs were appended at this place. Append what is new at the end of the list."},
	{inputsGap, 409, scopeOfRequest, "The append begins beyond the end of the list. Append from there."},
	{nothingToRetry, 409, scopeOfRequest, "None of the job's inputs that are selected can be sent back."},
	{noEvent, 409, scopeOfRequest, "The job has no such event."},
	{notArchived, 409, scopeOfRequest, "The event has happened but is not ready to be sent yet. Send the request again."},
	{expired, 409, scopeOfRequest, "The event has expired: events are kept for 30 days, and this one cannot be sent again."},
	{hookDisabled, 409, scopeOfRequest, "The webhook is disabled, so nothing but a test is sent to it. Enable it first."},
	{hookDeleted, 409, scopeOfRequest, "The webhook has been deleted, so nothing can be sent to it."},
	{keyInUse, 409, scopeOfRequest, "An API key cannot delete itself. Send the request with another key that has the scope admin."},
	{inFlight, 409, scopeOfRequest, "The first request with this Idempotency-Key has not been answered yet. Send this one again."},
	{tooLarge, 413, scopeOfRequest, "The body is larger than this request takes."},
	{badMediaType, 415, scopeOfRequest, "The body must be JSON, sent as Content-Type: application/json in UTF-8 and without Content-Encoding."},
	{otherRequest, 422, scopeOfRequest, "This Idempotency-Key was used with another body or path. Use a new key for a new request."},
	{tooMany, 429, scopeOfAuth, "The API key has made as many requests as it may make in a minute. Send this one again after the seconds in Retry-After."},
	{internalError, 500, scopeOfService, "internal error"},
	{inputsBusy, 503, scopeOfService, "Others report inputs of the same job at this moment. Send the request again."},
	{outOfReach, 503, scopeOfService, "The service cannot do this at the moment. Send the request again."},
}

// problem is an error on its way to the client.
type problem struct {
	label   label
	message string            // empty: the label's sentence
	params  map[string]any    // names what was wrong
	wait    time.Duration     // Retry-After; 0: none
	header  map[string]string // further headers of the answer
	cause   error             // for the log only
}

func (p *problem) Error() string {
	if p.cause != nil {
		return fmt.Sprintf("%s: %v", p.label, p.cause)
	}
	return fmt.Sprintf("%s: %s", p.label, p.message)
}

func (p *problem) Unwrap() error { return p.cause }

// refuse returns an error for the client; an empty format is the label's own sentence.
func refuse(l label, format string, args ...any) *problem {
	return &problem{label: l, message: fmt.Sprintf(format, args...)}
}

// with adds a name to params.
func (p *problem) with(name string, value any) *problem {
	if p.params == nil {
		p.params = map[string]any{}
	}
	p.params[name] = value
	return p
}

// after asks the client to come back.
func (p *problem) after(wait time.Duration) *problem {
	p.wait = wait
	return p
}

// invalid says that a field of the body is not as it must be.
func invalid(field, format string, args ...any) *problem {
	return refuse(badField, "%s", field+" "+fmt.Sprintf(format, args...)).with("field", field)
}

// detail returns what an error says after the sentinel that it begins with.
func detail(sentinel, err error) string {
	return strings.TrimPrefix(err.Error(), sentinel.Error()+": ")
}

// absent says that what a field of the body names is not there.
func absent(field, noun string) *problem {
	return invalid(field, "names no %s of this project", noun)
}

// sentinels turns what the seams say into what the client reads.
var sentinels = []struct {
	err      error
	label    label
	sentence string
}{
	{job.ErrNotFound, notFound, "There is no job of this uid in the project."},
	{job.ErrNoWorkflow, notFound, "There is no workflow of this uid in the project."},
	{webhook.ErrNotFound, notFound, "There is no webhook of this uid in the project."},
	{delivery.ErrNoDelivery, notFound, "There is no delivery of this uid in the project."},
	{delivery.ErrNoEvent, expired, ""},
	{redrive.ErrNotFound, notFound, "There is no redrive of this uid in the project."},
	{job.ErrOpenInputs, badResult, "Inputs of the job are still open; finished and warning are for jobs whose inputs all have an outcome."},
	{job.ErrResult, badResult, "A job is finished when at least one of its inputs succeeded, and warning or shutdown when all failed."},
	{job.ErrStale, staleVersion, ""},
	{input.ErrQuota, quota, "A job has at most 100,000 inputs. Launch another job for the rest."},
	{input.ErrEnded, jobEnded, ""},
	{input.ErrBusy, inputsBusy, ""},
	{job.ErrWorkflowQuota, quota, "The project has 1,000 workflows, as many as it may have."},
	{webhook.ErrQuota, quota, "The project has 1,000 webhooks, as many as it may have. Delete one first."},
	{webhook.ErrStale, busy, ""},
	{job.ErrWorkflowStale, busy, ""},
	{redrive.ErrStale, busy, ""},
	{access.ErrNoKey, noKey, ""},
	{access.ErrKeyQuota, quota, "The project has 100 API keys, as many as it may have; those that have expired count. Delete one first."},
	{access.ErrInFlight, inFlight, ""},
	{context.Canceled, outOfReach, ""},
	{context.DeadlineExceeded, outOfReach, ""},
}

// explain returns err as the client may see it. What it does not know is an internal error.
func (a *api) explain(err error) *problem {
	var p *problem
	var move *job.TransitionError
	var field *webhook.FieldError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &move):
		return transition(move)
	case errors.As(err, &field):
		return refuse(badField, "%s: %s", field.Field, field.Message).with("field", field.Field)
	case errors.Is(err, webhook.ErrJobQuota):
		return refuse(quota, "This job has %d webhooks of its own, as many as it may have. Delete one first.", webhook.MaxPerJob).with("field", "job_uid")
	case a.unavailable(err):
		return (&problem{label: outOfReach, cause: err}).after(retrySoon)
	}
	for _, s := range sentinels {
		if errors.Is(err, s.err) {
			p := &problem{label: s.label, message: s.sentence, cause: err}
			if s.label == busy || s.label == inFlight || s.label == inputsBusy || s.label == outOfReach {
				p.wait = retrySoon
			}
			return p
		}
	}
	return &problem{label: internalError, cause: err}
}

// transition says which statuses there are instead, and by which request.
func transition(e *job.TransitionError) *problem {
	allowed, ways := []job.Status{}, []string{}
	for _, s := range job.Statuses {
		if e.From.MayBecome(s) {
			allowed = append(allowed, s)
		}
	}
	if len(allowed) > 0 {
		ways = append(ways, strings.Join(texts(allowed), " or ")+" by a status update")
	}
	if e.From.MayBeCancelled() {
		ways = append(ways, "stopped by a cancel")
	}
	if e.From.MayBeRetried() {
		ways = append(ways, "pending by a retry")
	}
	p := refuse(badMove, "This request cannot take a job from %s to %s. One that is %s can become %s.", e.From, e.To, e.From, strings.Join(ways, ", "))
	return p.with("from", e.From).with("to", e.To).with("allowed", allowed)
}

func (a *api) unavailable(err error) bool {
	var u interface{ Unavailable() bool }
	return errors.As(err, &u) && u.Unavailable() || a.Unavailable(err)
}

// report is the body of every error.
type report struct {
	Label   label          `json:"error_label"`
	Scope   string         `json:"error_scope"`
	Ref     string         `json:"error_ref"`
	Message string         `json:"message"`
	Status  int            `json:"status_code"`
	Params  map[string]any `json:"params"`
}

// report returns the body for a problem, with the id of the request it came from.
func (p *problem) report(ref string) report {
	r := report{Label: p.label, Ref: ref, Message: p.message, Params: map[string]any{}}
	for _, row := range labels {
		if row.label == p.label {
			r.Scope, r.Status = row.scope, row.status
			if r.Message == "" {
				r.Message = row.sentence
			}
		}
	}
	maps.Copy(r.Params, p.params)
	return r
}

// shown returns a client's own text as a sentence may repeat it: quoted, and not at length.
func shown(s string) string {
	if len(s) > maxShown {
		s = strings.ToValidUTF8(s[:maxShown], "") + "…"
	}
	return fmt.Sprintf("%q", s)
}

// checkText judges a text of the body by its length in bytes.
func checkText(field, s string, limit int) error {
	if len(s) > limit {
		return invalid(field, "has %d bytes; at most %d are allowed (a character may have several)", len(s), limit)
	}
	return nil
}
