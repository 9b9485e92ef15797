package delivery

import (
	"strings"

	"hermod/shared/uid"
)

// UID names a delivery: one event for one webhook. Its text, `<event uid>_<webhook uid>`, is the webhook-id that receivers
// get, the same on every attempt.
type UID struct {
	Event   string
	Webhook string
}

func (u UID) String() string { return u.Event + "_" + u.Webhook }

// ParseUID reads the text of a UID.
func ParseUID(s string) (UID, bool) {
	event, hook, ok := strings.Cut(s, "_")
	if !ok || !uid.Valid(event) || !uid.Valid(hook) {
		return UID{}, false
	}
	return UID{Event: event, Webhook: hook}, true
}
