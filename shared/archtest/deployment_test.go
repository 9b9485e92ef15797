package archtest

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hermod/infra/template"
	"hermod/shared/api"
	"hermod/shared/awsdynamo"
	"hermod/shared/console"
	"hermod/shared/delivery"
	"hermod/shared/webhook"
)

// queues are the lanes by the logical id of their queue.
var queues = map[string]delivery.Lane{
	"FirstQueue": delivery.LaneFirst, "RetryQueue": delivery.LaneRetry, "OpsQueue": delivery.LaneOps, "DeadQueue": delivery.LaneDead, "StuckQueue": delivery.LaneStuck,
}

// environment is what template.yaml may give to a function: what package assemble reads.
var environment = []string{
	"HERMOD_TABLE", "HERMOD_QUEUE_FIRST", "HERMOD_QUEUE_RETRY", "HERMOD_QUEUE_OPS", "HERMOD_QUEUE_DEAD", "HERMOD_KEY_ID", "HERMOD_ALLOW_HTTP",
	"HERMOD_ALLOW_PRIVATE", "HERMOD_RATE_LIMIT", "HERMOD_LOG_LEVEL", "HERMOD_REVISION",
}

// patience is how long a reader of the stream tries a record. What fan-out gives up is an event that nobody gets; what tally gives
// up is mended by the next report, and holds up the totals of others meanwhile.
var patience = map[string]time.Duration{"FanoutFunction": 20 * time.Hour, "TallyFunction": 2 * time.Hour}

func deployment(t *testing.T) *template.Template {
	t.Helper()
	d, err := template.Load(filepath.Join(moduleRoot(t), "template.yaml"), template.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// consoleRoutes are the paths that the API leaves to the console: / leads to it, and all below its base is its own.
var consoleRoutes = []string{"ANY /", "ANY " + console.Base, "ANY " + console.Base + "/{proxy+}"}

func TestEachRouteOfTheAPIHasOneInTheTemplate(t *testing.T) {
	want := map[string]string{"$default": "WebhooksFunction"}
	for _, route := range consoleRoutes {
		want[route] = "ConsoleFunction"
	}
	for _, r := range api.Routes() {
		want[r.Method+" "+r.Path] = functionOf(r.Path)
	}
	got := map[string]string{}
	for _, r := range deployment(t).Routes {
		got[strings.TrimSpace(r.Method+" "+r.Path)] = r.Function
	}
	for route, function := range want {
		if got[route] != function {
			t.Errorf("%s goes to %q in template.yaml, want %s", route, got[route], function)
		}
	}
	for route := range got {
		if want[route] == "" {
			t.Errorf("%s is in template.yaml and is no route of API or console", route)
		}
	}
}

// functionOf is the function that has the routes of a path.
func functionOf(path string) string {
	path = strings.TrimPrefix(path, "/v3")
	switch root, _, _ := strings.Cut(path[1:], "/"); {
	case root == "stats", root == "deliveries", root == "redrives", strings.HasSuffix(path, "/deliveries"):
		return "DeliveriesFunction"
	case root == "jobs", root == "workflows":
		return "JobsFunction"
	}
	return "WebhooksFunction"
}

func TestEachFolderOfFunctionsIsAFunctionOfTheTemplate(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join(moduleRoot(t), "functions"))
	if err != nil {
		t.Fatal(err)
	}
	var folders, functions []string
	for _, e := range entries {
		folders = append(folders, "functions/"+e.Name())
	}
	for _, f := range deployment(t).Functions {
		functions = append(functions, strings.Trim(f.Code, "/"))
		for name := range f.Environment {
			if !slices.Contains(environment, name) {
				t.Errorf("%s is given %s, which no function reads", f.ID, name)
			}
		}
	}
	slices.Sort(functions)
	if !slices.Equal(folders, functions) {
		t.Errorf("functions/ has %v, template.yaml %v", folders, functions)
	}
}

func TestMainsOfFunctionsAreShort(t *testing.T) {
	for _, f := range sources(t) {
		if strings.HasPrefix(f.dir, "functions/") {
			text, err := os.ReadFile(filepath.Join(moduleRoot(t), f.name))
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(text), "\n"); n > 30 {
				t.Errorf("%s has %d lines, want at most 30: what it does belongs to a package", f.name, n)
			}
		}
	}
}

func TestQueuesOfTheTemplateKeepTheLimitsOfLanes(t *testing.T) {
	d := deployment(t)
	ids := map[delivery.Lane]string{}
	for id, lane := range queues {
		ids[lane] = id
	}
	for id, lane := range queues {
		q := d.Queues[id]
		if q == nil {
			t.Errorf("template.yaml has no queue %s", id)
			continue
		}
		receives := 0
		if lane.Letters() != "" {
			receives = delivery.MaxReceives
		}
		if q.Visibility != delivery.Visibility || q.Retention != delivery.LetterRetention || q.DeadLetters != ids[lane.Letters()] || q.MaxReceives != receives {
			t.Errorf("%s is visible again after %v, keeps for %v and dies into %q after %d receives; want %v, %v, %q, %d", id, q.Visibility, q.Retention,
				q.DeadLetters, q.MaxReceives, delivery.Visibility, delivery.LetterRetention, ids[lane.Letters()], receives)
		}
	}
}

func TestConsumersAnswerForEachMessageAndInTime(t *testing.T) {
	consumers := map[string][]string{}
	for id, f := range deployment(t).Functions {
		for _, m := range f.Queues {
			consumers[m.Queue] = append(consumers[m.Queue], id)
			if m.BatchSize != 10 || !m.PartialFailures || !m.Enabled || m.MaxConcurrency < 2 {
				t.Errorf("%s consumes %s as %+v, want batches of 10, answers for each message and a bound", id, m.Queue, m)
			}
			if f.Timeout >= delivery.Visibility {
				t.Errorf("%s may run for %v, when a message is visible again after %v", id, f.Timeout, delivery.Visibility)
			}
		}
		for _, m := range f.Streams {
			consumers[m.Table] = append(consumers[m.Table], id)
			if !m.PartialFailures || !m.Bisect || m.MaxRetries != -1 || m.MaxAge != patience[id] || m.OnFailure == "" || len(m.Filters) == 0 {
				t.Errorf("%s reads the stream as %+v, want answers for each record, bisection, retries for %v, a queue for failures and a filter", id, m, patience[id])
			}
		}
		for _, s := range f.Schedules {
			consumers[s.Expression] = append(consumers[s.Expression], id)
		}
	}
	want := map[string][]string{
		"FirstQueue": {"DispatchFunction"}, "RetryQueue": {"DispatchFunction"}, "OpsQueue": {"RedriveFunction"},
		"Table": {"FanoutFunction", "TallyFunction"}, "rate(1 minute)": {"SweepFunction"},
	}
	for _, list := range consumers {
		slices.Sort(list)
	}
	if !maps.EqualFunc(consumers, want, slices.Equal) {
		t.Errorf("template.yaml wires %v, want %v", consumers, want)
	}
	if f := deployment(t).Functions["DispatchFunction"]; f != nil && f.Timeout < webhook.MaxTimeout+5*time.Second {
		t.Errorf("dispatch may run for %v, want more than the longest attempt, %v, and its outcome", f.Timeout, webhook.MaxTimeout)
	}
}

func TestTheTableOfTheTemplateIsTheOneOfTheEngine(t *testing.T) {
	want := awsdynamo.TableInput("any")
	table, ok := deployment(t).Resources["Table"]
	if !ok {
		t.Fatal("template.yaml has no Table")
	}
	got := tableOf(table.Properties)
	for _, a := range want.AttributeDefinitions {
		if got.attributes[*a.AttributeName] != string(a.AttributeType) {
			t.Errorf("attribute %s is %q, want %s", *a.AttributeName, got.attributes[*a.AttributeName], a.AttributeType)
		}
	}
	check := func(what string, keys []string, i int, name string) {
		if len(keys) <= i || keys[i] != name {
			t.Errorf("the key of %s is %v, want %s at %d", what, keys, name, i)
		}
	}
	for i, k := range want.KeySchema {
		check("the table", got.key, i, *k.AttributeName)
	}
	if len(got.indexes) != len(want.GlobalSecondaryIndexes) {
		t.Errorf("there are %d indexes, want %d", len(got.indexes), len(want.GlobalSecondaryIndexes))
	}
	for _, index := range want.GlobalSecondaryIndexes {
		has := got.indexes[*index.IndexName]
		for i, k := range index.KeySchema {
			check("index "+*index.IndexName, has.key, i, *k.AttributeName)
		}
		if has.projection != string(index.Projection.ProjectionType) || !slices.Equal(has.attributes, index.Projection.NonKeyAttributes) {
			t.Errorf("index %s holds %s %v, want %s %v", *index.IndexName, has.projection, has.attributes, index.Projection.ProjectionType, index.Projection.NonKeyAttributes)
		}
	}
	if got.stream != string(want.StreamSpecification.StreamViewType) || got.ttl != "ttl" {
		t.Errorf("the stream shows %q and %q is the time to live, want %s and ttl", got.stream, got.ttl, want.StreamSpecification.StreamViewType)
	}
}

func TestRolesNameWhatTheyAllow(t *testing.T) {
	d := deployment(t)
	for _, f := range d.Functions {
		role := d.Roles[f.Role]
		if role == nil {
			t.Errorf("%s has no role of its own: %q", f.ID, f.Role)
			continue
		}
		for _, s := range role.Statements {
			for _, action := range s.Actions {
				if strings.Contains(action, "*") {
					t.Errorf("%s allows %s, want each action named", role.ID, action)
				}
				for _, resource := range s.Resources {
					if resource == "*" && action != "dynamodb:ListStreams" { // which knows no resource
						t.Errorf("%s allows %s on everything", role.ID, action)
					}
				}
			}
		}
		if managed := d.Resources[role.ID].Properties["ManagedPolicyArns"]; managed != nil {
			t.Errorf("%s has managed policies %v, want none", role.ID, managed)
		}
	}
}

// The console carries out in its own process what the functions of the API would be asked for, so it needs what all of them have.
func TestTheConsoleMayDoAndKnowsWhatTheAPIsFunctionsDo(t *testing.T) {
	d := deployment(t)
	wantGrants, wantVariables := map[string]bool{}, map[string]string{}
	for _, r := range d.Routes {
		if r.Function != "ConsoleFunction" {
			f := d.Functions[r.Function]
			maps.Copy(wantGrants, grantsOf(d.Roles[f.Role]))
			maps.Copy(wantVariables, f.Environment)
		}
	}
	f := d.Functions["ConsoleFunction"]
	if f == nil {
		t.Fatal("template.yaml has no ConsoleFunction")
	}
	if diff := cmp.Diff(wantGrants, grantsOf(d.Roles[f.Role])); diff != "" {
		t.Errorf("grants of the API's functions and of the console's (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(wantVariables, f.Environment); diff != "" {
		t.Errorf("variables of the API's functions and of the console's (-want +got):\n%s", diff)
	}
}

// grantsOf are a role's actions on resources, but for those on its own log.
func grantsOf(r *template.Role) map[string]bool {
	grants := map[string]bool{}
	for _, s := range r.Statements {
		for _, action := range s.Actions {
			for _, resource := range s.Resources {
				if !strings.HasPrefix(action, "logs:") {
					grants[s.Effect+" "+action+" on "+resource] = true
				}
			}
		}
	}
	return grants
}

// tableShape is what a table's properties say.
type tableShape struct {
	attributes  map[string]string
	key         []string
	indexes     map[string]indexShape
	stream, ttl string
}

type indexShape struct {
	key        []string
	projection string
	attributes []string
}

func tableOf(p map[string]any) (s tableShape) {
	s.attributes, s.indexes = map[string]string{}, map[string]indexShape{}
	for _, a := range list(p["AttributeDefinitions"]) {
		s.attributes[text(a, "AttributeName")] = text(a, "AttributeType")
	}
	s.key = keyOf(p["KeySchema"])
	for _, i := range list(p["GlobalSecondaryIndexes"]) {
		index := indexShape{key: keyOf(property(i, "KeySchema")), projection: text(property(i, "Projection"), "ProjectionType")}
		for _, name := range list(property(property(i, "Projection"), "NonKeyAttributes")) {
			index.attributes = append(index.attributes, name.(string))
		}
		s.indexes[text(i, "IndexName")] = index
	}
	s.stream, s.ttl = text(p["StreamSpecification"], "StreamViewType"), text(p["TimeToLiveSpecification"], "AttributeName")
	return s
}

func keyOf(schema any) (names []string) {
	for _, k := range list(schema) {
		names = append(names, text(k, "AttributeName"))
	}
	return names
}

func list(v any) []any { l, _ := v.([]any); return l }

func property(v any, name string) any { m, _ := v.(map[string]any); return m[name] }

func text(v any, name string) string { s, _ := property(v, name).(string); return s }
