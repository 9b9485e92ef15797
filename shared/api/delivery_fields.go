package api

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/job"
	"hermod/shared/signature"
)

// hidden stands for what nobody may read back.
const hidden = "***"

// deliveryView is a delivery as lists show it.
type deliveryView struct {
	UID            string               `json:"uid"`
	State          delivery.State       `json:"state"`
	Reason         *delivery.Reason     `json:"reason"`
	Event          job.EventType        `json:"event"`
	EventUID       string               `json:"event_uid"`
	WebhookUID     string               `json:"webhook_uid"`
	JobUID         string               `json:"job_uid"`
	WorkflowUID    string               `json:"workflow_uid"`
	Test           bool                 `json:"test"`
	AttemptCount   int                  `json:"attempt_count"`
	LastStatus     *int                 `json:"last_status"`
	LastErrorClass *delivery.ErrorClass `json:"last_error_class"`
	LastError      *string              `json:"last_error"`
	CreatedAt      job.Time             `json:"created_at"`
	NextAttemptAt  *job.Time            `json:"next_attempt_at"`
	FinishedAt     *job.Time            `json:"finished_at"`
}

// deliveryDetail is a delivery with all that is known of it.
type deliveryDetail struct {
	deliveryView
	Sequence   int           `json:"sequence"`
	Reopened   int           `json:"reopened"` // how often redrives gave it a fresh schedule
	BodyFormat *job.Format   `json:"body_format"`
	BodySize   *int          `json:"body_size"` // bytes
	Body       *string       `json:"body"`      // as it is sent, byte for byte; null once the event has expired
	Attempts   []attemptView `json:"attempts"`  // oldest first
}

// attemptView is one request and what came of it, or a step that was spent without a request.
type attemptView struct {
	Number            *int                 `json:"number"` // null: no request was made
	Cause             delivery.Cause       `json:"cause"`
	StartedAt         job.Time             `json:"started_at"`
	DurationMS        float64              `json:"duration_ms"`
	DNSMS             float64              `json:"dns_ms"`
	ConnectMS         float64              `json:"connect_ms"`
	TLSMS             float64              `json:"tls_ms"`
	FirstByteMS       float64              `json:"first_byte_ms"`
	SignedWith        []string             `json:"signed_with"` // hints
	RequestHeaders    []headerLine         `json:"request_headers"`
	Status            *int                 `json:"status"`
	ErrorClass        *delivery.ErrorClass `json:"error_class"`
	Error             *string              `json:"error"`
	RetryAfterSeconds *int                 `json:"retry_after_seconds"`
	ResponseHeaders   []headerLine         `json:"response_headers"` // null: delivered, no answer, or not kept any more
	ResponseBody      *string              `json:"response_body"`    // its first 1 KB
}

type headerLine struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func viewDeliveries(list []delivery.Delivery) []deliveryView {
	views := make([]deliveryView, len(list))
	for i, d := range list {
		views[i] = viewDelivery(d)
	}
	return views
}

func viewDelivery(d delivery.Delivery) deliveryView {
	return deliveryView{
		UID: d.UID.String(), State: d.State, Reason: orNull(d.Reason), Event: d.Event, EventUID: d.UID.Event, WebhookUID: d.UID.Webhook,
		JobUID: d.Job, WorkflowUID: d.Workflow, Test: d.Test, AttemptCount: d.AttemptCount, LastStatus: orNull(d.LastStatus),
		LastErrorClass: orNull(d.LastClass), LastError: orNull(d.LastError), CreatedAt: job.Time(d.CreatedAt),
		NextAttemptAt: job.KnownTime(d.NextAt), FinishedAt: job.KnownTime(d.EndedAt),
	}
}

// orNull returns v for JSON, or nil (null) for the zero value.
func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

func viewDetail(d delivery.Delivery, e *delivery.Event, answers map[int]delivery.Answer, version string) deliveryDetail {
	v := deliveryDetail{deliveryView: viewDelivery(d), Sequence: d.Sequence, Reopened: d.Place.Cycle, Attempts: []attemptView{}}
	if e != nil {
		if m, ok := e.Match(d.UID.Webhook); ok {
			body := string(e.Bodies[m.Format])
			size := len(body)
			v.BodyFormat, v.BodySize, v.Body = &m.Format, &size, &body
		}
	}
	for _, a := range d.Attempts {
		v.Attempts = append(v.Attempts, viewAttempt(d, a, answers, version))
	}
	return v
}

func viewAttempt(d delivery.Delivery, a delivery.Attempt, answers map[int]delivery.Answer, version string) attemptView {
	v := attemptView{
		Number: orNull(a.Number), Cause: a.Cause, StartedAt: job.Time(a.StartedAt), DurationMS: milliseconds(a.Duration),
		DNSMS: milliseconds(a.Timing.DNS), ConnectMS: milliseconds(a.Timing.Connect), TLSMS: milliseconds(a.Timing.TLS),
		FirstByteMS: milliseconds(a.Timing.FirstByte), SignedWith: []string{}, Status: orNull(a.Status), ErrorClass: orNull(a.Class),
		Error: orNull(a.Error), RetryAfterSeconds: orNull(int(a.RetryAfter / time.Second)),
	}
	v.SignedWith = append(v.SignedWith, a.SignedWith...)
	if a.Number == 0 {
		return v
	}
	v.RequestHeaders = requestHeaders(d, a, version)
	if answer, ok := answers[a.Number]; ok && !a.Delivered() {
		body := strings.ToValidUTF8(string(answer.Body), "\uFFFD")
		v.ResponseHeaders, v.ResponseBody = lines(answer.Headers), &body
	}
	return v
}

// requestHeaders returns what was sent, as far as it may be read back: the webhook's own values and the signature may not.
func requestHeaders(d delivery.Delivery, a delivery.Attempt, version string) []headerLine {
	h := map[string]string{
		"content-type": typeJSON, "user-agent": "Hermod/" + version,
		signature.HeaderID: d.UID.String(), signature.HeaderTimestamp: strconv.FormatInt(a.StartedAt.Unix(), 10), signature.HeaderSignature: hidden,
		"hermod-event": d.Event.Qualified(), "hermod-attempt": strconv.Itoa(a.Number), "hermod-sequence": strconv.Itoa(d.Sequence),
	}
	for _, own := range a.Headers {
		h[strings.ToLower(own)] = hidden
	}
	var list []headerLine
	for _, name := range slices.Sorted(maps.Keys(h)) {
		list = append(list, headerLine{name, h[name]})
	}
	return list
}

// lines returns headers as a list, by name.
func lines(h map[string][]string) []headerLine {
	list := []headerLine{}
	for name, values := range h {
		for _, v := range values {
			list = append(list, headerLine{strings.ToLower(name), strings.ToValidUTF8(v, "\uFFFD")})
		}
	}
	slices.SortStableFunc(list, func(x, y headerLine) int { return cmp.Compare(x.Name, y.Name) })
	return list
}

func milliseconds(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)) / float64(time.Millisecond)
}
