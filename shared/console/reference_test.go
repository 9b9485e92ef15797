package console_test

import (
	"regexp"
	"strings"
	"testing"

	"hermod/shared/api"
)

func TestTheReferenceHasEveryRouteOfTheAPI(t *testing.T) {
	w := newWorld(t)
	v := w.visit("reader")
	p := v.get("/reference").is(200)
	links := regexp.MustCompile(`href="/console(/reference/[A-Za-z]+)"><span class="method">([A-Z]+)</span> <code>([^<]+)</code>`).FindAllStringSubmatch(p.body, -1)
	told := map[string]string{}
	for _, l := range links {
		told[l[2]+" /v3"+l[3]] = l[1]
	}
	for _, r := range api.Routes() {
		if strings.HasPrefix(r.Path, "/v3/") && told[r.Method+" "+r.Path] == "" {
			t.Errorf("%s %s is not in the reference", r.Method, r.Path)
		}
	}
	for route, page := range told {
		method, path, _ := strings.Cut(route, " ")
		v.get(page).is(200).shows(method, path, "curl", "Answers")
	}
}

func TestAnOperationIsToldInFull(t *testing.T) {
	v := newWorld(t).visit("full")
	p := v.get("/reference/createWebhook").is(200).shows("needs a key with the scope write", `-H "X-API-Key: $KEY"`, `"url": "https://hooks.example.com/hermod"`,
		"one of v3, standard", "array of object", "at most 20 items", "<code>secret</code>", "Idempotency-Key")
	if !regexp.MustCompile(`<code>url</code>\s*<span class="tag">required`).MatchString(p.body) {
		t.Error("url is not told to be required")
	}
	v.get("/reference/health").is(200).shows("needs no key").hides("X-API-Key: $KEY")
}
