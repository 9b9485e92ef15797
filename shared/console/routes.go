package console

import (
	"context"
	"net/http"
)

// handler answers a request.
type handler func(ctx context.Context, c *call) (reply, error)

// route is one row of the table.
type route struct {
	method string
	path   string // below Base, a ServeMux pattern
	handle handler
	back   handler // of a POST: the page that its form is on, shown again when the API refuses what the form asks for
	dialog string  // of a POST: id of the dialog on that page that the form is in, with names of the path in braces
	open   bool    // without a session
}

// table is every page and every action there is.
func (s *console) table() []route {
	const get, post = http.MethodGet, http.MethodPost
	return []route{
		{method: get, path: "/sign-in", handle: s.signInPage, open: true},
		{method: post, path: "/sign-in", handle: s.signIn, back: s.signInPage, open: true},
		{method: post, path: "/sign-out", handle: s.signOut, open: true},

		{method: get, path: "", handle: s.overviewPage},

		{method: get, path: "/jobs", handle: s.jobsPage},
		{method: get, path: "/jobs/{uid}", handle: s.jobPage},
		{method: post, path: "/jobs/{uid}/retry", handle: s.retryJob, back: s.jobPage, dialog: "retry"},
		{method: post, path: "/jobs/{uid}/cancel", handle: s.cancelJob, back: s.jobPage},
		{method: post, path: "/jobs/{uid}/webhooks", handle: s.addJobWebhook, back: s.jobTab(tabWebhooks), dialog: "add-webhook"},
		{method: post, path: "/jobs/{uid}/webhooks/retry", handle: s.retryJobWebhooks, back: s.jobTab(tabWebhooks)},
		{method: post, path: "/jobs/{uid}/webhooks/{webhook}/retry", handle: s.retryJobWebhook, back: s.jobTab(tabWebhooks), dialog: "retry-{webhook}"},

		{method: get, path: "/webhooks", handle: s.webhooksPage},
		{method: get, path: "/webhooks/new", handle: s.newWebhookPage},
		{method: post, path: "/webhooks/new", handle: s.createWebhook, back: s.newWebhookPage},
		{method: get, path: "/webhooks/{uid}", handle: s.webhookPage},
		{method: get, path: "/webhooks/{uid}/edit", handle: s.editWebhookPage},
		{method: post, path: "/webhooks/{uid}/edit", handle: s.updateWebhook, back: s.editWebhookPage},
		{method: post, path: "/webhooks/{uid}/test", handle: s.testWebhook, back: s.webhookPage, dialog: "test"},
		{method: post, path: "/webhooks/{uid}/retry", handle: s.retryWebhook, back: s.webhookPage, dialog: "retry-{uid}"},
		{method: post, path: "/webhooks/{uid}/enable", handle: s.enableWebhook, back: s.webhookPage},
		{method: post, path: "/webhooks/{uid}/rotate", handle: s.rotateSecret, back: s.webhookPage, dialog: "rotate"},
		{method: post, path: "/webhooks/{uid}/delete", handle: s.deleteWebhook, back: s.webhookPage},

		{method: get, path: "/deliveries", handle: s.deliveriesPage},
		{method: get, path: "/deliveries/{uid}", handle: s.deliveryPage},
		{method: post, path: "/deliveries/{uid}/retry", handle: s.retryDelivery, back: s.deliveryPage},

		{method: get, path: "/dead-letters", handle: s.deadLettersPage},
		{method: post, path: "/dead-letters", handle: s.startRedrive, back: s.deadLettersPage},
		{method: get, path: "/redrives", handle: s.redrivesPage},
		{method: get, path: "/redrives/{uid}", handle: s.redrivePage},
		{method: post, path: "/redrives/{uid}/cancel", handle: s.cancelRedrive, back: s.redrivePage},

		{method: get, path: "/why", handle: s.whyPage},

		{method: get, path: "/api-keys", handle: s.apiKeysPage},
		{method: post, path: "/api-keys", handle: s.createKey, back: s.apiKeysPage, dialog: "new-key"},
		{method: post, path: "/api-keys/{uid}/delete", handle: s.deleteKey, back: s.apiKeysPage},

		{method: get, path: "/reference", handle: s.referencePage},
		{method: get, path: "/reference/{operation}", handle: s.operationPage},

		{method: get, path: "/demo", handle: s.demoPage},
		{method: post, path: "/demo/launch", handle: s.launchJob, back: s.demoPage},
		{method: post, path: "/demo/receivers/{name}", handle: s.changeReceiver, back: s.demoPage},
	}
}
