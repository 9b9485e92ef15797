package console

import (
	"net/url"
	"slices"
)

// What a form of a webhook says of whom the webhook is for.
const (
	scopeProject  = "project"
	scopeWorkflow = "workflow" // that of the field workflow_uid
	scopeJob      = "job"      // that of the field job_uid
)

const spareHeaders = 3 // empty rows for headers; the script adds more

// webhookFields returns the body of a request that makes or changes a webhook from what a form says. A header without a value keeps the one
// that is stored.
func webhookFields(form url.Values) map[string]any {
	body := map[string]any{
		"name": form.Get("name"), "url": form.Get("url"), "events": append([]string{}, form["event"]...), "headers": headersOf(form),
		"workflow_uid": nil, "job_uid": nil,
	}
	switch form.Get("scope") {
	case scopeWorkflow:
		body["workflow_uid"] = form.Get("workflow_uid")
	case scopeJob:
		body["job_uid"] = form.Get("job_uid")
	}
	return body
}

// headersOf returns the headers of a form, whose fields header_name and header_value come in pairs. Empty rows are none.
func headersOf(form url.Values) []map[string]string {
	headers := []map[string]string{}
	for _, row := range typedRows(form) {
		header := map[string]string{"name": row.Name}
		if row.Value != "" {
			header["value"] = row.Value
		}
		headers = append(headers, header)
	}
	return headers
}

func typedRows(form url.Values) (rows []headerRow) {
	values := form["header_value"]
	for i, name := range form["header_name"] {
		row := headerRow{Name: name}
		if i < len(values) {
			row.Value = values[i]
		}
		if row.Name != "" || row.Value != "" {
			rows = append(rows, row)
		}
	}
	return rows
}

// headerRow is a row of a form for one header.
type headerRow struct {
	Name, Value string
	Hint        string // of a value that is stored
}

// webhookForm is what a form of a webhook shows: dot of the parts "webhook-events" and "webhook-headers".
type webhookForm struct {
	Name, URL, Scope    string
	WorkflowUID, JobUID string
	Events              []string // those that are chosen
	Headers             []headerRow
}

// webhookForm returns what a form shows of a webhook, which is zero for a new one. A form that was refused shows what was typed.
func (c *call) webhookForm(w webhook) webhookForm {
	if c.form.Has("url") {
		f := c.form
		return webhookForm{
			Name: f.Get("name"), URL: f.Get("url"), Scope: f.Get("scope"), WorkflowUID: f.Get("workflow_uid"), JobUID: f.Get("job_uid"),
			Events: f["event"], Headers: append(typedRows(f), make([]headerRow, spareHeaders)...),
		}
	}
	form := webhookForm{Name: w.Name, URL: w.URL, Scope: scopeProject, Events: w.Events}
	switch {
	case w.JobUID != nil:
		form.Scope, form.JobUID = scopeJob, *w.JobUID
	case w.WorkflowUID != nil:
		form.Scope, form.WorkflowUID = scopeWorkflow, *w.WorkflowUID
	}
	for _, h := range w.Headers {
		form.Headers = append(form.Headers, headerRow{Name: h.Name, Hint: h.Hint})
	}
	form.Headers = append(form.Headers, make([]headerRow, spareHeaders)...)
	return form
}

// Chosen reports whether an event type is.
func (f webhookForm) Chosen(event string) bool { return slices.Contains(f.Events, event) }
