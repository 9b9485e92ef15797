package console

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"hermod/shared/access"
)

// webhookEditView is the form that makes a webhook or changes one.
type webhookEditView struct {
	wholeForm
	UID       string // of the webhook that is changed; empty: a new one is made
	ToDemo    string // path of the demo's receiver that the new one is for; empty: it is for none
	About     map[string]string
	Workflows []workflow // to choose from; nil if there are too many for a select
}

// wholeForm is a form with every field of a webhook.
type wholeForm struct {
	webhookForm
	Payload     string
	Signatures  []string
	Schedule    string // seconds with commas between; empty: the default
	Timeout     string // seconds
	Description string
	Secret      string // the client's own, of a new webhook
}

// SignedBy reports whether a scheme is chosen.
func (f wholeForm) SignedBy(scheme string) bool { return slices.Contains(f.Signatures, scheme) }

// DefaultSchedule says what an empty schedule is.
func (f wholeForm) DefaultSchedule() string { return scheduleWords(nil) }

func (s *console) newWebhookPage(ctx context.Context, c *call) (reply, error) {
	fresh := webhook{Payload: defaultPayload, Signatures: []string{defaultScheme}, TimeoutSeconds: int(defaultTimeout.Seconds())}
	if path := c.toDemo(); path != "" {
		var err error
		if fresh, err = c.webhookToDemo(ctx, path, fresh); err != nil {
			return reply{}, err
		}
	}
	return c.webhookEditor(ctx, "Add webhook", fresh)
}

// toDemo is the path of the demo's receiver that a new webhook is asked for; empty if none is, there is no demo, or the key only reads.
func (c *call) toDemo() string {
	if c.Demo == nil || !c.May(access.Write) {
		return ""
	}
	return c.request.URL.Query().Get("receiver")
}

func (s *console) editWebhookPage(ctx context.Context, c *call) (reply, error) {
	w, err := get[webhook](ctx, c, webhookPath(c.uid()), nil)
	if err != nil {
		return reply{}, err
	}
	return c.webhookEditor(ctx, "Edit "+w.Label(), w)
}

// webhookEditor shows the form with what a webhook has.
func (c *call) webhookEditor(ctx context.Context, title string, w webhook) (reply, error) {
	view := webhookEditView{wholeForm: c.wholeForm(w), UID: w.UID, ToDemo: c.toDemo()}
	err := together(
		func() (err error) { view.Workflows, err = c.workflows(ctx); return err },
		func() (err error) { view.About, err = c.aboutEvents(ctx); return err },
	)
	view.Workflows = offered(view.Workflows)
	slices.SortFunc(view.Workflows, func(a, b workflow) int { return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return reply{page: "webhookedit", title: title, data: view}, err
}

// aboutEvents returns what each event type means.
func (c *call) aboutEvents(ctx context.Context) (map[string]string, error) {
	types, err := get[list[struct {
		Event       string `json:"event"`
		Description string `json:"description"`
	}]](ctx, c, "/event-types", nil)
	about := map[string]string{}
	for _, t := range types.Results {
		about[t.Event] = t.Description
	}
	return about, err
}

// wholeForm returns what the form shows of a webhook; one that was refused shows what was typed.
func (c *call) wholeForm(w webhook) wholeForm {
	form := wholeForm{
		webhookForm: c.webhookForm(w), Payload: w.Payload, Signatures: w.Signatures, Schedule: scheduleText(w.RetrySchedule),
		Timeout: strconv.Itoa(w.TimeoutSeconds), Description: w.Description, Secret: w.Secret,
	}
	if f := c.form; f != nil {
		form.Payload, form.Signatures, form.Schedule, form.Timeout = f.Get("payload"), f["signature"], f.Get("retry_schedule"), f.Get("timeout_seconds")
		form.Description, form.Secret = f.Get("description"), f.Get("secret")
	}
	for i, row := range form.Headers {
		for _, stored := range w.Headers {
			if strings.EqualFold(row.Name, stored.Name) {
				form.Headers[i].Hint = stored.Hint
			}
		}
	}
	return form
}

// wholeFields returns the body of a request from every field of the form.
func (c *call) wholeFields() map[string]any {
	body := webhookFields(c.form)
	body["payload"] = c.form.Get("payload")
	body["signatures"] = append([]string{}, c.form["signature"]...)
	body["retry_schedule"] = scheduleOf(c.form.Get("retry_schedule"))
	body["timeout_seconds"] = numberOr(c.form.Get("timeout_seconds"))
	body["description"] = c.form.Get("description")
	return body
}

// createWebhook makes a webhook and shows its secret. The same form sent again, as by a reload, makes no other and shows the same.
func (s *console) createWebhook(ctx context.Context, c *call) (reply, error) {
	body := c.wholeFields()
	if secret := c.form.Get("secret"); secret != "" {
		body["secret"] = secret
	}
	w, err := post[webhook](ctx, c, "/webhooks", body)
	if err != nil {
		return reply{}, err
	}
	var back link
	if c.toDemo() != "" {
		back = link{Name: "Back to the demo", URL: Base + "/demo"}
	}
	return secretPage("Webhook added", w, back)
}

// updateWebhook changes a webhook. One that is signed under v1 from now on has a new secret, which is shown.
func (s *console) updateWebhook(ctx context.Context, c *call) (reply, error) {
	w, err := send[webhook](ctx, c, http.MethodPatch, webhookPath(c.uid()), c.wholeFields())
	if err != nil {
		return reply{}, err
	}
	if w.Secret != "" {
		return secretPage("Webhook saved", w, link{})
	}
	return goTo(webhookPath(c.uid()), "webhook-saved")
}
