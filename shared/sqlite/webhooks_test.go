package sqlite

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hermod/shared/job"
	"hermod/shared/webhook"
)

// Documents of the first release know no schemes.
func TestAWebhookOfTheFirstReleaseIsSignedUnderV1(t *testing.T) {
	noon := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	db := open(t, func() time.Time { return noon })
	doc := []byte(`{"uid":"w1","project":"p1","version":1,"url":"https://example.com/","events":["failed"],"payload":"v3","enabled":true,` +
		`"secrets":[{"sealed":"bmV3","hint":"whsec_…new","created_at":1772625600000000000},{"sealed":"b2xk","created_at":1772625600000000000,"ends_at":1772629200000000000}],` +
		`"schedule":null,"created_at":1772625600000000000,"updated_at":1772625600000000000}`)
	err := db.write(t.Context(), "write as the first release did", func(tx *tx) error {
		_, err := tx.exec("INSERT INTO webhook (uid, project, job, version, parked_until, doc) VALUES ('w1', 'p1', '', 1, ?, ?)", time.Time{}, doc)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := webhook.Webhook{
		UID: "w1", Project: "p1", Version: 1, URL: "https://example.com/", Events: []job.EventType{job.EventFailed}, Payload: job.FormatV3, Enabled: true,
		Secrets:   []webhook.Secret{{Sealed: "bmV3", Hint: "whsec_…new", CreatedAt: noon}, {Sealed: "b2xk", CreatedAt: noon, EndsAt: noon.Add(time.Hour)}},
		CreatedAt: noon, UpdatedAt: noon,
	}
	got, err := db.Webhooks().Get(t.Context(), "p1", "w1")
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Get = %v (-want +got):\n%s", err, diff)
	}
	if valid := got.ValidSecrets(noon); len(valid) != 2 {
		t.Errorf("%d secrets sign, want both of v1", len(valid))
	}
}
