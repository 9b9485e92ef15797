package console_test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hermod/shared/console"
	"hermod/shared/delivery"
	"hermod/shared/job"
	"hermod/shared/webhook"
)

// writings are texts that somebody might write where a name is expected, or a reason.
var writings = []string{
	probe + `<script>zqx()</script><!--`, `</title></textarea></pre></script><zqx>]]>{{.Key}}{{template "once" .}}`, `javascript:alert(1) data:text/html,<zqx>' onfocus='alert(1)' x='`,
	`&lt;zqx&gt;&quot;\u003czqx\u003e%3Czqx%3E\"<zqx>` + "\t\r\n<zqx>", "before\u202eafter\u2066\u2028\u2029\u0085\ufeff\u00ad😀👩‍👩‍👧‍👦e\u0301<zqx>", strings.Repeat("W", 240),
}

// writer puts a text of its own into everything that a client, an executor or a receiver may write. All worlds that it furnishes have the
// same pages but for these texts and for how long requests took.
type writer struct {
	*world
	text  func(field string) string // what is written there, which begins with the field's name
	paths []string
}

func (x *writer) furnish() {
	w, text := x.world, x.text
	receiver := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("X-Said", printable(text("answer header")))
		rw.Header().Set("Content-Type", printable(text("answer type")))
		rw.WriteHeader(http.StatusBadGateway)
		fmt.Fprint(rw, text("answer body"))
	}))
	w.Cleanup(receiver.Close)
	w.call("POST", "/api-keys", object{"name": text("key"), "scopes": []string{"read"}})
	flow := w.newFlow(text("flow"))
	var hooks []string
	w.pass(time.Millisecond)
	for i, scope := range []object{nil, {"workflow_uid": flow}} {
		fields := object{
			"name": text("hook"), "description": text("description"), "url": receiver.URL + "/'&+;=$!*(),@" + fmt.Sprint(i), "retry_schedule": []int{},
			"headers": []object{{"name": "X-!#$%&'*+.^_`|~", "value": "secret"}}, "signatures": []string{"v1", "v1a"},
		}
		for k, v := range scope {
			fields[k] = v
		}
		hooks = append(hooks, w.newHook(fields))
	}
	job := w.call("POST", "/workflows/"+flow+"/schedule", object{"job_name": text("job")})["job_uid"].(string)
	input := object{"input_data": object{text("input key"): text("input")}, "custom_data": text("custom")}
	w.call("POST", "/jobs/"+job+"/inputs", object{"from": 0, "last": true, "inputs": []object{input, input, input}})
	w.call("POST", "/jobs/"+job+"/inputs/report", object{"inputs": []object{
		{"index": 0, "status": "failed", "error": object{"label": shortened(text("label"), 64), "scope": "server", "message": text("message")}},
		{"index": 1, "status": "failed", "error": object{"label": shortened(text("label"), 64), "scope": "input", "message": text("message")}},
		{"index": 2, "status": "succeeded", "results": []object{{text("column"): text("cell")}}},
	}})
	stopped := w.call("POST", "/workflows/"+flow+"/schedule", object{"job_name": text("other job")})["job_uid"].(string)
	w.call("PATCH", "/jobs/"+stopped, object{"status": "shutdown", "error_message": text("error")})
	w.pass(time.Second)
	w.work()
	task := w.call("POST", "/redrives", object{"webhook_uid": hooks[0], "job_uid": job, "event": "succeeded"})["uid"].(string)
	w.work()
	w.pass(time.Second)
	w.work()
	delivery := w.call("GET", "/deliveries?job_uid="+job+"&event=succeeded", nil)["results"].([]any)[0].(object)["uid"].(string)

	x.paths = []string{
		"", "?range=7d", "/webhooks", "/webhooks/new", "/jobs", "/jobs?workflow_uid=" + flow, "/deliveries", "/deliveries?webhook_uid=" + hooks[0] + "&job_uid=" + job, "/deliveries/" + delivery,
		"/dead-letters", "/dead-letters?preview=1&workflow_uid=" + flow, "/redrives", "/redrives/" + task, "/why?job_uid=" + job, "/why?webhook_uid=" + hooks[1],
		"/why?job_uid=" + job + "&webhook_uid=" + hooks[0], "/api-keys", "/demo",
	}
	for _, hook := range hooks {
		for _, dialog := range []string{"", "?dialog=test", "?dialog=rotate", "?dialog=retry-" + hook, "/edit"} {
			x.paths = append(x.paths, "/webhooks/"+hook+dialog)
		}
	}
	for _, one := range []string{job, stopped} {
		for _, tab := range []string{"inputs", "results", "events", "webhooks", "deliveries", "inputs&dialog=retry", "webhooks&dialog=add-webhook"} {
			x.paths = append(x.paths, "/jobs/"+one+"?tab="+tab)
		}
	}
}

// printable is a text as a header can have it.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, text)
}

func shortened(text string, limit int) string {
	return strings.ToValidUTF8(text[:min(len(text), limit)], "")
}

var (
	tag    = regexp.MustCompile(`<[^>]*>`)
	quoted = regexp.MustCompile(`"[^"]*"`)
)

// elements are those of a page, each with the names of its attributes, once: nothing that anybody writes adds another.
func (p *seen) elements() string {
	all := tag.FindAllString(p.body, -1)
	for i, t := range all {
		all[i] = quoted.ReplaceAllString(t, "")
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), "\n")
}

func furnished(t *testing.T, text func(field string) string) (*writer, *visitor) {
	w := newWorld(t)
	demo, err := json.Marshal(object{"receivers": []object{{"name": "broken", "url": text("receiver"), "status": 500, "delay": text("delay")}}})
	w.noError(err)
	w.config.Demo = http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.Write(demo) })
	w.console = console.New(w.config)
	x := &writer{world: w, text: text}
	x.furnish()
	return x, w.visit("full")
}

func TestWhateverIsWrittenIsText(t *testing.T) {
	t.Parallel()
	plain, reader := furnished(t, func(field string) string { return field + strings.Repeat("x", 200) })
	var want []string
	for _, path := range plain.paths {
		want = append(want, reader.get(path).is(200).sound().elements())
	}
	for _, attack := range writings {
		fields := map[string]bool{}
		x, v := furnished(t, func(field string) string {
			fields[field] = true
			return field + attack + strings.Repeat("x", max(0, 200-len(attack)))
		})
		all := ""
		for i, path := range x.paths {
			p := v.get(path).is(200).sound()
			all += html.UnescapeString(p.body)
			if got := p.elements(); got != want[i] {
				t.Errorf("with %.40q written everywhere %s has other elements: %s", attack, path, difference(got, want[i]))
			}
		}
		for field := range fields {
			if !strings.Contains(all, field) {
				t.Errorf("no page shows %s", field)
			}
		}
	}
}

// difference is the first element that only one of two pages has.
func difference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for _, line := range append(a, b...) {
		if slices.Contains(a, line) != slices.Contains(b, line) {
			return line
		}
	}
	return "none"
}

// What a form is refused for is said on its page with what was typed: as text too.
func TestWhatWasTypedIsText(t *testing.T) {
	x := newTarget(t)
	v := x.visit("full")
	for name, field := range map[string]string{
		"POST /webhooks/new": "url", "POST /webhooks/{uid}/edit": "retry_schedule", "POST /webhooks/{uid}/test": "job_uid", "POST /webhooks/{uid}/rotate": "secret", "POST /webhooks/{uid}/retry": "job_uid",
		"POST /jobs/{uid}/retry": "labels", "POST /jobs/{uid}/webhooks": "url", "POST /jobs/{uid}/webhooks/{webhook}/retry": "job_uid", "POST /demo/launch": "inputs", "POST /dead-letters": "rate",
	} {
		to := x.aims[name]
		want := ""
		for _, text := range append([]string{"plain"}, writings...) {
			form := url.Values{}
			for f, values := range to.form {
				form[f] = slices.Clone(values)
			}
			form.Del("label")
			form.Set(field, text)
			p := v.post(to.path, form).sound()
			if p.status < 400 {
				t.Fatalf("%s with %s = %q answers %d, want a refusal", name, field, text, p.status)
			}
			if want == "" {
				want = p.elements()
			} else if got := p.elements(); got != want {
				t.Errorf("%s with %s = %.40q has other elements: %s", name, field, text, difference(got, want))
			}
		}
	}
}

// heavy counts what the pages ask of the API.
type heavy struct {
	http.Handler
	asked atomic.Int32
}

func (h *heavy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.asked.Add(1)
	h.Handler.ServeHTTP(w, r)
}

// firstOf returns the uid of the first thing in a list of the API, of which the first pages may be empty: it looks at so many at a time.
func (w *world) firstOf(path string) string {
	w.Helper()
	for {
		page := w.call("GET", path, nil)
		if results := page["results"].([]any); len(results) > 0 {
			return results[0].(object)["uid"].(string)
		}
		next, ok := page["paging"].(object)["next"].(string)
		if !ok {
			w.Fatalf("%s has nothing", path)
		}
		path = strings.TrimPrefix(next, "http://example.com/v3")
	}
}

// A project that is full of the longest there may be has pages that are no longer, and ask for no more, than others.
func TestAFullProjectHasShortPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var paths []object
	for i := range 100 {
		paths = append(paths, object{"name": fmt.Sprintf("%02d%s", i, strings.Repeat("p", 62)), "url": "http://127.0.0.1:65535/hook/" + strings.Repeat("p", 64), "status": 500, "delay": "59m59.999s"})
	}
	demo, err := json.Marshal(object{"receivers": paths})
	w.noError(err)
	api := &heavy{Handler: w.api}
	w.config.API = api
	w.config.Demo = http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.Write(demo) })
	w.console = console.New(w.config)
	for range 97 {
		w.call("POST", "/api-keys", object{"name": strings.Repeat("'", 256), "scopes": []string{"read", "write", "admin"}})
	}
	flow := ""
	for range job.MaxWorkflows {
		flow = w.newFlow(strings.Repeat(`"`, 256))
	}
	var headers []object
	for i := range webhook.MaxHeaders {
		headers = append(headers, object{"name": strings.Repeat("'", 125) + fmt.Sprint(i), "value": "x"})
	}
	hook := ""
	for i := range webhook.MaxPerProject {
		fields := object{"name": strings.Repeat("'", 256), "url": w.receiver.URL + "/" + strings.Repeat("&", 2000), "description": strings.Repeat("'", 1024)}
		if i%2 == 0 {
			fields["name"] = ""
		}
		if i >= webhook.MaxPerProject-60 { // those that are shown
			fields["headers"] = headers
		}
		hook = w.newHook(fields)
	}
	w.answer.Store(http.StatusBadGateway)
	uid := w.call("POST", "/workflows/"+flow+"/schedule", object{"job_name": strings.Repeat("'", 256)})["job_uid"].(string)
	w.call("PATCH", "/jobs/"+uid, object{"status": "shutdown", "error_message": strings.Repeat("'", 512)})
	for w.fanOut(w.Context()) {
	}
	w.lane(w.Context(), delivery.LaneFirst, w.dispatch.Handle)
	sent := w.firstOf("/deliveries?state=retrying&job_uid=" + uid)
	v := w.visit("full")
	for _, path := range []string{
		"", "/webhooks", "/webhooks/new", "/webhooks/" + hook, "/webhooks/" + hook + "/edit", "/jobs", "/jobs/" + uid, "/jobs/" + uid + "?tab=webhooks", "/jobs/" + uid + "?tab=deliveries", "/deliveries",
		"/deliveries/" + sent, "/dead-letters", "/dead-letters?preview=1", "/redrives", "/why?job_uid=" + uid, "/why?webhook_uid=" + hook, "/why?job_uid=" + uid + "&webhook_uid=" + hook, "/api-keys", "/demo",
	} {
		api.asked.Store(0)
		began := time.Now()
		p := v.get(path).is(200).sound() // which looks at its length
		asked := api.asked.Load()
		t.Logf("%-60.60s %6d bytes, %3d requests of the API, %d ms", path, len(p.body), asked, time.Since(began).Milliseconds())
		if asked > 80 {
			t.Errorf("%s asks %d times for something, want at most 80", path, asked)
		}
	}
}
