package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"

	"hermod/infra/openapi/service"
)

// spares is how many things there are for an example that can be done once to each.
const spares = 4

type object = map[string]any

// world is what the service has before the attack. hooks.py reads it.
type world struct {
	Receiver string              `json:"receiver"` // URL that takes every delivery
	Project  string              `json:"project"`  // of the key
	Own      string              `json:"own"`      // the key's uid
	Pool     map[string][]string `json:"pool"`     // uids, by the first segment of the path of their kind
	Examples map[string][]string `json:"examples"` // by method and path: uids for the examples of an operation, one each; the others take the first of the pool

	*service.Service
	receiver *httptest.Server
}

// maker makes one thing after another until something goes wrong.
type maker struct {
	*world
	ctx context.Context
	err error
}

func makeWorld(ctx context.Context, s *service.Service) (*world, error) {
	w := &world{Pool: map[string][]string{}, Examples: map[string][]string{}, Service: s}
	w.receiver = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/broken" {
			rw.WriteHeader(http.StatusInternalServerError)
		}
	}))
	w.Receiver = w.receiver.URL + "/hook"
	m := &maker{world: w, ctx: ctx}
	m.workflows()
	m.keys()
	m.webhooks()
	m.jobs()
	m.letters()
	if m.err != nil {
		w.close()
		return nil, m.err
	}
	return w, nil
}

func (w *world) close() { w.receiver.Close() }

func (w *world) save(file string) error {
	data, err := json.Marshal(w)
	if err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o600)
}

// workflows makes two, and some to be deleted.
func (m *maker) workflows() {
	for range 2 {
		m.pool("workflows", m.make("/workflows", object{"name": "workflow"}))
	}
	for range spares {
		m.spare("DELETE /workflows/{uid}", m.make("/workflows", object{"name": "spare"}))
	}
	var list []struct {
		ProjectUID string `json:"project_uid"`
	}
	m.call("GET", "/workflows", nil, &list)
	if m.err == nil {
		m.Project = list[0].ProjectUID
	}
}

// keys notes the key that the attack is made with, which nobody may delete, and makes some that one may.
func (m *maker) keys() {
	var list struct{ Results []struct{ UID string } }
	m.call("GET", "/api-keys", nil, &list)
	if m.err == nil {
		m.Own = list.Results[0].UID
	}
	for range spares {
		m.spare("DELETE /api-keys/{uid}", m.make("/api-keys", object{"name": "spare", "scopes": []string{"read"}}))
	}
}

// webhooks makes one whose receiver accepts, one whose receiver is broken, and some to be deleted, of another workflow.
func (m *maker) webhooks() {
	all := []string{"requested", "created", "succeeded", "failed", "paused", "stopped"}
	m.pool("webhooks", m.make("/webhooks", object{"name": "good", "url": m.Receiver, "events": all}))
	m.pool("webhooks", m.make("/webhooks", object{"name": "broken", "url": m.receiver.URL + "/broken", "events": all, "retry_schedule": []int{}}))
	for range spares {
		m.spare("DELETE /webhooks/{uid}", m.make("/webhooks", object{"name": "spare", "url": m.Receiver, "events": all, "workflow_uid": m.Pool["workflows"][1]}))
	}
}

// jobs makes one in each status, the first with inputs that have outcomes, and those that the examples ask for.
func (m *maker) jobs() {
	inputs := []object{{"email": "ada@example.com"}, {"email": "grace@example.com"}}
	first := m.job(append(inputs, object{}))
	m.report(first, object{"index": 0, "status": "succeeded", "results": []object{{"name": "Ada"}}}, limited(1))
	m.pool("jobs", first)
	for _, way := range [][]string{{}, {"running"}, {"running", "finished"}, {"running", "warning"}, {"running", "shutdown"}, {"running", "paused"}, {"stopped"}} {
		m.pool("jobs", m.job(nil, way...))
	}
	for range spares {
		m.spare("PATCH /jobs/{uid}", m.job(nil))
		m.spare("POST /jobs/{uid}/cancel", m.job(nil))
		m.spare("POST /jobs/{uid}/inputs", m.job(nil))
		m.spare("POST /jobs/{uid}/inputs/report", m.job(inputs))
		failed := m.job(inputs[:1])
		m.report(failed, limited(0))
		m.spare("POST /jobs/{uid}/retry", failed)
	}
}

// limited is the report of an input that failed and may be retried.
func limited(index int) object {
	return object{"index": index, "status": "failed", "error": object{"label": "LIMIT_REACHED", "message": "tomorrow again"}}
}

// job launches one and takes it through statuses.
func (m *maker) job(inputs []object, statuses ...string) string {
	uid := m.make("/workflows/"+m.Pool["workflows"][0]+"/schedule", object{"job_name": "made for openapi.yaml", "inputs": inputs})
	for _, status := range statuses {
		m.call("PATCH", "/jobs/"+uid, object{"status": status}, nil)
	}
	return uid
}

func (m *maker) report(job string, inputs ...object) {
	m.call("POST", "/jobs/"+job+"/inputs/report", object{"inputs": inputs}, nil)
}

// letters waits until each job has been delivered, to one receiver well and to the other in vain, and redrives one letter.
func (m *maker) letters() {
	type deliveries struct{ Results []struct{ UID, State string } }
	for _, job := range m.Pool["jobs"] {
		m.until("deliveries of a job", func() bool {
			var list deliveries
			m.call("GET", "/jobs/"+job+"/deliveries", nil, &list)
			states := map[string]int{}
			for _, d := range list.Results {
				states[d.State]++
			}
			return states["succeeded"] > 0 && states["dead"] > 0
		})
	}
	var list deliveries
	m.call("GET", "/deliveries?limit=100", nil, &list)
	for _, d := range list.Results {
		m.pool("deliveries", d.UID)
	}
	m.pool("redrives", m.make("/redrives", object{"state": "dead", "webhook_uid": m.Pool["webhooks"][1], "job_uid": m.Pool["jobs"][0]}))
}

func (m *maker) pool(kind, uid string) { m.Pool[kind] = append(m.Pool[kind], uid) }

func (m *maker) spare(operation, uid string) {
	m.Examples[operation] = append(m.Examples[operation], uid)
}

// make creates something and returns its uid.
func (m *maker) make(path string, in any) string {
	var made struct{ UID string }
	m.call("POST", path, in, &made)
	return made.UID
}

func (m *maker) call(method, path string, in, out any) {
	if m.err == nil {
		m.err = m.Call(m.ctx, method, path, in, out)
	}
}

func (m *maker) until(what string, ok func() bool) {
	if m.err == nil {
		m.err = service.Until(m.ctx, what, func() (bool, error) { return ok(), m.err })
	}
}
