package console

import (
	"strings"
	"testing"
)

// A reason that only a later release of the API gives is told, by its word.
func TestNoWebhookThatWasMissedIsLeftOut(t *testing.T) {
	e := jobEvent{NotMatched: []miss{{"a", "event_type"}, {"b", "over_quota"}, {"c", "event_type"}, {"d", "created_later"}}}
	var told []string
	for _, m := range e.missed() {
		for _, w := range m.Webhooks {
			told = append(told, w.UID+" "+m.Why())
		}
	}
	want := "b was not matched: over quota, d was made after the event, a ask for other event types, c ask for other event types"
	if got := strings.Join(told, ", "); got != want {
		t.Errorf("missed are %s; want %s", got, want)
	}
}
