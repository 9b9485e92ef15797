package awsdynamo

import (
	"errors"
	"strings"
	"time"

	"hermod/shared/job"
	"hermod/shared/webhook"
)

// newHookItem is a webhook as it is kept.
//
//	pid, fid, jid          project, and the workflow or the job that it is bound to
//	v, ca, ua              version, times of creation and of the last change
//	nm, ds, addr           name, description, URL
//	ev, fmt, hd            event types, payload format, headers (sealed)
//	sig                    signature schemes; "" or absent: v1
//	sec, kp                secrets of v1 and key pairs of v1a (sealed); apart, for a release that knows v1 alone signs with all of sec
//	en, why                1 if it is enabled, else why not
//	sch, tmo, rt           waits between attempts ("" for the default), time-out, both in nanoseconds; deliveries a second
//	parked                 until when the receiver wants to rest
//	gone                   1 in what a deleted webhook leaves, which has none of the above but pid
func newHookItem(w webhook.Webhook) item {
	i := webhookKey(w.UID).item()
	i["pid"] = text(w.Project)
	i.setTime("parked", w.ParkedUntil)
	for name, value := range hookValues(w) {
		i[name[1:]] = value
	}
	return i
}

// hookValues are the values of setHook.
func hookValues(w webhook.Webhook) item {
	i := item{
		":f": number(format), ":v": number(int64(w.Version)), ":nm": text(w.Name), ":ds": text(w.Description), ":addr": text(w.URL),
		":fid": text(w.Workflow), ":jid": text(w.Job), ":fmt": text(string(w.Payload)), ":en": number(0), ":why": text(string(w.Reason)),
		":sig": text(""), ":kp": text(""), ":sch": text(""), ":tmo": number(int64(w.Timeout)), ":rt": number(int64(w.MaxRate)),
		":ca": moment(w.CreatedAt), ":ua": moment(w.UpdatedAt),
	}
	if w.Enabled {
		i[":en"] = number(1)
	}
	if w.Schedule != nil {
		i.setJSON(":sch", w.Schedule)
	}
	i.setJSON(":ev", w.Events)
	i.setJSON(":hd", headerDocs(w.Headers))
	if w.Signatures != nil {
		i.setJSON(":sig", w.Signatures)
	}
	i.setJSON(":sec", secretDocs(w.Secrets, webhook.SchemeV1))
	if pairs := secretDocs(w.Secrets, webhook.SchemeV1a); len(pairs) > 0 {
		i.setJSON(":kp", pairs)
	}
	return i
}

// headerDoc and secretDoc are nested in a webhook; times are milliseconds.
type headerDoc struct {
	Name   string `json:"n"`
	Sealed string `json:"s"`
	Hint   string `json:"h,omitempty"`
}

type secretDoc struct {
	Sealed    string `json:"s"`
	Hint      string `json:"h,omitempty"`
	Print     string `json:"fp,omitempty"`
	Public    string `json:"p,omitempty"`
	CreatedAt int64  `json:"c"`
	EndsAt    int64  `json:"e,omitempty"`
}

func headerDocs(headers []webhook.Header) []headerDoc {
	docs := make([]headerDoc, len(headers))
	for n, h := range headers {
		docs[n] = headerDoc(h)
	}
	return docs
}

// secretDocs are the secrets of one scheme.
func secretDocs(secrets []webhook.Secret, scheme webhook.Scheme) []secretDoc {
	docs := []secretDoc{}
	for _, s := range secrets {
		if s.Scheme() != scheme {
			continue
		}
		d := secretDoc{Sealed: s.Sealed, Hint: s.Hint, Print: s.Print, Public: s.Public, CreatedAt: s.CreatedAt.UnixMilli()}
		if !s.EndsAt.IsZero() {
			d.EndsAt = s.EndsAt.UnixMilli()
		}
		docs = append(docs, d)
	}
	return docs
}

// isHook reports whether an item is a webhook of the project that was not deleted.
func isHook(i item, project string) bool {
	return i != nil && i.text("pid") == project && !i.flag("gone")
}

func decodeHook(i item) (webhook.Webhook, error) {
	w := webhook.Webhook{
		UID: strings.TrimPrefix(i.text("pk"), "W#"), Project: i.text("pid"), Version: i.int("v"), Name: i.text("nm"), Description: i.text("ds"),
		URL: i.text("addr"), Workflow: i.text("fid"), Job: i.text("jid"), Payload: job.Format(i.text("fmt")), Enabled: i.flag("en"),
		Reason: webhook.DisabledReason(i.text("why")), Timeout: time.Duration(i.int("tmo")), MaxRate: i.int("rt"), ParkedUntil: i.time("parked"),
		CreatedAt: i.time("ca"), UpdatedAt: i.time("ua"),
	}
	var headers []headerDoc
	var secrets, pairs []secretDoc
	err := errors.Join(i.readable(), i.json("ev", &w.Events), i.json("sch", &w.Schedule), i.json("hd", &headers),
		i.json("sig", &w.Signatures), i.json("sec", &secrets), i.json("kp", &pairs))
	for _, h := range headers {
		w.Headers = append(w.Headers, webhook.Header(h))
	}
	for _, d := range append(secrets, pairs...) {
		s := webhook.Secret{Sealed: d.Sealed, Hint: d.Hint, Print: d.Print, Public: d.Public, CreatedAt: time.UnixMilli(d.CreatedAt).UTC()}
		if d.EndsAt != 0 {
			s.EndsAt = time.UnixMilli(d.EndsAt).UTC()
		}
		w.Secrets = append(w.Secrets, s)
	}
	return w, err
}

// matchKey is where the match of a webhook is found: by its job if it is bound to one, else by the project.
func matchKey(w webhook.Webhook) key {
	if w.Job != "" {
		return jobMatchKey(w.Job, w.UID)
	}
	return projectMatchKey(w.Project, w.UID)
}

// matchValues are the values of setMatch.
func matchValues(w webhook.Webhook) item {
	i := item{
		":f": number(format), ":pid": text(w.Project), ":fid": text(w.Workflow), ":jid": text(w.Job), ":fmt": text(string(w.Payload)),
		":ca": moment(w.CreatedAt),
	}
	i.setJSON(":ev", w.Events)
	return i
}

func decodeMatch(i item) (webhook.Match, error) {
	m := webhook.Match{
		Webhook: strings.TrimPrefix(i.text("sk"), "M#"), Workflow: i.text("fid"), Job: i.text("jid"), Payload: job.Format(i.text("fmt")),
		CreatedAt: i.time("ca"),
	}
	return m, errors.Join(i.readable(), i.json("ev", &m.Events))
}
