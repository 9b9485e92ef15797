package console

// sentences say what was done, by the word that goTo gave.
var sentences = map[string]string{
	"job-launched":       "The job is launched. This page shows how far it is.",
	"job-retried":        "The job is pending again, and its failed inputs that may be retried with it. This page shows how far it is.",
	"job-retried-partly": "The job is pending again. Some failed inputs were left, because they would fail again: see below, or retry with force.",
	"job-cancelled":      "The job is stopped.",
	"webhook-saved":      "The webhook is saved. Deliveries that wait already are sent as it is now.",
	"webhook-enabled":    "The webhook is enabled: it gets events again. What was cancelled meanwhile can be redriven.",
	"webhook-disabled":   "The webhook is disabled. What falls due for it is cancelled, and can be redriven later.",
	"webhook-deleted":    "The webhook is deleted. What falls due for it is cancelled.",
	"webhook-tested":     "The test event is on its way; this page shows what becomes of it.",
	"webhook-retried":    "One attempt is on its way; this page shows what becomes of it.",
	"webhooks-retried":   "Each webhook gets the latest event of this job that it takes; this page shows what becomes of it.",
	"delivery-retried":   "One attempt was asked for. It appears below as soon as it is made.",
	"redrive-started":    "The redrive has begun; this page shows how far it is.",
	"redrive-cancelled":  "The redrive is cancelled. What was handed to the queue before still goes out.",
	"redrive-over":       "The redrive had ended already, so there was nothing to cancel.",
	"key-deleted":        "The key is deleted. Where it was used last, it may work for up to a minute more.",
	"receiver-changed":   "The receiver behaves so from its next request on.",
}
