package awsdynamo

import (
	"path/filepath"
	"testing"
	"time"

	"hermod/infra/engines"
	"hermod/infra/engines/enginetest"
	"hermod/shared/awssqs/awssqstest"
	"hermod/shared/dispatch"
	"hermod/shared/egress"
	"hermod/shared/seal"
	"hermod/shared/storetest"
	"hermod/shared/webhook"
)

// TestTransitions runs dispatch on what it runs on in AWS: this table and SQS, whose clock is its own.
func TestTransitions(t *testing.T) {
	key, err := seal.OpenKeyFile(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	client := egress.New(egress.Config{Rules: webhook.Rules{AllowHTTP: true, AllowPrivate: true}})
	lanes := enginetest.SQS(t)
	storetest.Transitions(t, func(t *testing.T, now func() time.Time) dispatch.Config {
		db := open(t, now)
		box, err := seal.New(seal.Config{Wrapper: key, Keys: db.Keys()})
		if err != nil {
			t.Fatal(err)
		}
		return dispatch.Config{
			Log: db.Log(), Archive: db.Archive(), Webhooks: db.Webhooks(), Queue: awssqstest.Open(t, lanes, engines.Transport()), Box: box, Client: client,
		}
	})
}
