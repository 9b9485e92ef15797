package console

// remedy is what can be done about attempts that fail in one way.
type remedy struct {
	class    string
	from, to int // statuses; 0: whatever it was
	text     string
}

// remedies has a row for each error class of the API. The first that fits is told.
var remedies = []remedy{
	{"status", 300, 399, "Redirects are not followed: set the webhook’s URL to where this one leads."},
	{"status", 401, 403, "The receiver does not accept the request: check the webhook’s own headers, and that the receiver verifies signatures with this webhook’s secret."},
	{"status", 404, 405, "Nothing takes a POST there: check the webhook’s URL."},
	{"status", 410, 410, "410 says that the receiver is gone for good. If it is not, let it answer something else and enable the webhook again."},
	{"status", 429, 429, "The receiver is asked more often than it wants. If it says for how long in Retry-After, nothing is sent to it until then."},
	{"status", 400, 499, "The receiver refuses this event. What it answered is below; its own log has more, under the webhook-id."},
	{"status", 0, 0, "The receiver failed. What it answered is below; its own log has more, under the webhook-id."},
	{"timeout", 0, 0, "Let the receiver store the event and answer 2xx at once, and work on it afterwards; or give the webhook a longer time-out."},
	{"dns", 0, 0, "Check the host name in the webhook’s URL."},
	{"connect", 0, 0, "Check host and port in the webhook’s URL, that the receiver runs, and that a firewall lets the request in."},
	{"tls", 0, 0, "Mend the receiver’s certificate; nothing is sent to a server that cannot show who it is."},
	{"blocked", 0, 0, "Give the webhook a URL whose address and port deliveries may go to."},
	{"reset", 0, 0, "The receiver, or a proxy before it, hung up: look into its log for the time of the attempt."},
	{"protocol", 0, 0, "Check that what listens there is a web server, and that the URL’s scheme is the right one."},
	{"config", 0, 0, "Edit the webhook and set anew what the error names."},
	{"breaker_open", 0, 0, "It goes on by itself once the receiver answers 2xx again. Retry now tries it at once."},
}

// Remedy says what can be done about the last attempt; empty if it did not fail.
func (d delivery) Remedy() string {
	class, status := valueOf(d.LastErrorClass), valueOf(d.LastStatus)
	for _, r := range remedies {
		if r.class == class && (r.to == 0 || r.from <= status && status <= r.to) {
			return r.text
		}
	}
	return ""
}
