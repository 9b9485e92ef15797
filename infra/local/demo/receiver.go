package demo

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"hermod/shared/signature"
)

// maxPaths is how many paths a receiver knows.
const maxPaths = 100

// pathName is what a path may be called: it is written to a terminal as it stands.
var pathName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// Receiver is a receiver of deliveries: POST /hook/{name} takes one, POST /behave/{name} says how that path answers from now on, and
// GET /behave tells how each does and what it has taken. A page of another site cannot change anything by a browser on this machine.
type Receiver struct {
	base   string
	secret signature.Secret
	out    io.Writer
	mux    *http.ServeMux

	mu    sync.Mutex
	paths map[string]*path
}

// path is one path of the receiver, how it behaves and what it has seen.
type path struct {
	behavior
	taken    int       // requests since the start
	at       time.Time // when the last of them came
	verified bool      // whether its signature was
	status   int       // of the answer to it; 0 until then, and for nothing
}

// view is a path as GET /behave tells it. What is last is null while nothing has come, and the status also while nothing was answered.
type view struct {
	Name         string  `json:"name"`
	Path         string  `json:"path"`
	URL          string  `json:"url"`
	Status       int     `json:"status"`
	Delay        string  `json:"delay"`
	FailFirst    int     `json:"fail_first"`
	Hang         bool    `json:"hang"`
	Taken        int     `json:"taken"`
	LastStatus   *int    `json:"last_status"`
	LastAt       *string `json:"last_at"`
	LastVerified *bool   `json:"last_verified"`
}

// NewReceiver returns a receiver that is served at base, verifies with the secret and tells out what it gets, a line each.
func NewReceiver(base string, secret signature.Secret, out io.Writer) *Receiver {
	r := &Receiver{base: base, secret: secret, out: out, mux: http.NewServeMux(), paths: map[string]*path{}}
	for _, name := range []string{"good", "shaky", "broken", "mine"} {
		r.paths[name] = &path{behavior: good}
	}
	r.mux.HandleFunc("POST /hook/{name}", r.take)
	r.mux.HandleFunc("GET /behave", r.list)
	r.mux.Handle("POST /behave/{name}", http.NewCrossOriginProtection().Handler(http.HandlerFunc(r.behave)))
	return r
}

func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) { r.mux.ServeHTTP(w, req) }

// take verifies a delivery before anything else, as every receiver should.
func (r *Receiver) take(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, 1<<20))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	unverified := signature.Verify(req.Header, body, []signature.Secret{r.secret}, time.Now(), signature.Tolerance)
	name := req.PathValue("name")
	b, n, err := r.next(name, unverified == nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	verdict := "signature verified"
	if unverified != nil {
		verdict, b.Status = "NOT VERIFIED: "+unverified.Error(), http.StatusUnauthorized
	}
	said := "nothing"
	if b.wait(req) {
		said = strconv.Itoa(b.Status)
		r.answered(name, n, b.Status)
		b.answer(w, unverified)
	}
	fmt.Fprintf(r.out, "receiver  /hook/%s  %s  attempt %s  %s  answered %s  webhook-id %s\n",
		name, req.Header.Get("Hermod-Event"), req.Header.Get("Hermod-Attempt"), verdict, said, req.Header.Get("Webhook-Id"))
}

// answer answers with the path's status, and says why it is no success.
func (b behavior) answer(w http.ResponseWriter, unverified error) {
	switch {
	case unverified != nil:
		http.Error(w, unverified.Error()+". This receiver verifies with the secret of the demo: the console's page Demo adds a webhook that has it.", b.Status)
	case b.Status/100 == 2:
		w.WriteHeader(b.Status)
	default:
		http.Error(w, fmt.Sprintf("This path was told to answer %d. The console's page Demo tells it something else.", b.Status), b.Status)
	}
}

// wait waits as long as the path does, and reports whether the caller has waited too.
func (b behavior) wait(req *http.Request) bool {
	d := b.Delay
	if b.Hang {
		d = time.Hour
	}
	if d == 0 {
		return true
	}
	select {
	case <-req.Context().Done():
		return false
	case <-time.After(d):
		return true
	}
}

// next is how the path answers the request that is its n-th, with the failures counted that were asked for.
func (r *Receiver) next(name string, verified bool) (b behavior, n int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, err := r.path(name)
	if err != nil {
		return b, 0, err
	}
	b = p.behavior
	if b.FailFirst > 0 {
		b.Status = http.StatusServiceUnavailable
		p.FailFirst--
	}
	p.taken++
	p.at, p.verified, p.status = time.Now(), verified, 0
	return b, p.taken, nil
}

// answered notes the answer to the path's n-th request, unless another has come since.
func (r *Receiver) answered(name string, n, status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.paths[name]; p.taken == n {
		p.status = status
	}
}

// path returns the path of a name, which is made if it is not there. Callers hold mu.
func (r *Receiver) path(name string) (*path, error) {
	if p, ok := r.paths[name]; ok {
		return p, nil
	}
	if !pathName.MatchString(name) {
		return nil, errPathName(name)
	}
	if len(r.paths) >= maxPaths {
		return nil, fmt.Errorf("there are %d paths already, and %q is none of them: use one of those, or start the demo again", maxPaths, name)
	}
	p := &path{behavior: good}
	r.paths[name] = p
	return p, nil
}

// list tells of every path, by name.
func (r *Receiver) list(w http.ResponseWriter, _ *http.Request) {
	r.mu.Lock()
	views := []view{}
	for _, name := range slices.Sorted(maps.Keys(r.paths)) {
		views = append(views, r.view(name))
	}
	r.mu.Unlock()
	writeJSON(w, map[string]any{"receivers": views})
}

func errPathName(name string) error {
	return fmt.Errorf("%.80q is no name of a path: it must have 1 to 64 letters, digits, dots, dashes and underscores", name)
}

func (r *Receiver) behave(w http.ResponseWriter, req *http.Request) {
	v, err := r.command(w, req)
	switch {
	case err == errNoForm:
		http.Error(w, err.Error(), http.StatusUnsupportedMediaType)
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
	default:
		writeJSON(w, v)
	}
}

// command has a path behave as the request says.
func (r *Receiver) command(w http.ResponseWriter, req *http.Request) (view, error) {
	b, err := parseBehavior(w, req)
	if err != nil {
		return view{}, err
	}
	return r.set(req.PathValue("name"), b)
}

func (r *Receiver) set(name string, b behavior) (view, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, err := r.path(name)
	if err != nil {
		return view{}, err
	}
	p.behavior = b
	return r.view(name), nil
}

// view tells of a path that is there. Callers hold mu.
func (r *Receiver) view(name string) view {
	p := r.paths[name]
	v := view{
		Name: name, Path: "/hook/" + name, URL: r.base + "/hook/" + name,
		Status: p.Status, Delay: p.Delay.String(), FailFirst: p.FailFirst, Hang: p.Hang, Taken: p.taken,
	}
	if p.taken > 0 {
		v.LastAt, v.LastVerified = new(p.at.UTC().Format("2006-01-02T15:04:05.000Z")), new(p.verified)
	}
	if p.status > 0 {
		v.LastStatus = new(p.status)
	}
	return v
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}
