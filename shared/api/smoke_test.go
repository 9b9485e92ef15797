package api
import "testing"
func TestSmoke(t *testing.T) {
	w := newWorld(t)
	f := w.newFlow()
	h := w.newHook(nil)
	j := w.newJob(f, "running", "finished")
	es := w.archive(j)
	w.outcome(es[2], h, "dead")
	for _, p := range []string{"/workflows","/jobs/"+j,"/webhooks","/webhooks/"+h,"/deliveries","/deliveries?state=dead","/deliveries?state=pending","/jobs/"+j+"/deliveries","/deliveries/"+es[2].UID+"_"+h,"/redrives"} {
		a := w.call("GET", p, nil)
		t.Logf("%s %d %s", p, a.status, a.body)
	}
	t.Logf("%s", w.call("POST","/webhooks/"+h+"/test", map[string]any{"event":"failed"}).body)
	t.Logf("%s", w.call("POST","/webhooks/"+j+"/retry", nil).body)
	t.Logf("%s", w.call("POST","/redrives", map[string]any{"dry_run":true}).body)
	t.Log(w.messages())
	t.Log(w.log.String()[:2000])
}
