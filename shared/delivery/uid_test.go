package delivery_test

import (
	"fmt"
	"testing"

	"hermod/shared/delivery"
)

const (
	eventUID   = "0190a5d1-7c00-7abc-8def-0123456789ab"
	hookUID    = "0190a5d1-7c00-7abc-8def-fedcba987654"
	projectUID = "0190a5d1-7c00-7abc-8def-00000000000a"
)

var someUID = delivery.UID{Event: eventUID, Webhook: hookUID}

func ExampleParseUID() {
	u, ok := delivery.ParseUID("0190a5d1-7c00-7abc-8def-0123456789ab_0190a5d1-7c00-7abc-8def-fedcba987654")
	fmt.Println(u.Event, u.Webhook, ok)
	// Output: 0190a5d1-7c00-7abc-8def-0123456789ab 0190a5d1-7c00-7abc-8def-fedcba987654 true
}

func TestAUIDIsReadAsItIsWritten(t *testing.T) {
	if got, ok := delivery.ParseUID(someUID.String()); !ok || got != someUID {
		t.Errorf("ParseUID(%s) = %v, %v, want %v", someUID, got, ok, someUID)
	}
}

func TestWhatIsNoUIDIsRefused(t *testing.T) {
	for _, s := range []string{
		"", "_", eventUID, eventUID + "_", "_" + hookUID, eventUID + hookUID, eventUID + "-" + hookUID, eventUID + "__" + hookUID,
		eventUID + "_" + hookUID + "_", eventUID + "_" + hookUID + "_" + hookUID, " " + someUID.String(), eventUID + "_" + "0190A5D1-7C00-7ABC-8DEF-FEDCBA987654",
		eventUID[:35] + "_" + hookUID, someUID.String() + "\n", eventUID + "_" + hookUID[:35] + "/",
	} {
		if got, ok := delivery.ParseUID(s); ok || got != (delivery.UID{}) {
			t.Errorf("ParseUID(%q) = %v, %v, want nothing", s, got, ok)
		}
	}
}
