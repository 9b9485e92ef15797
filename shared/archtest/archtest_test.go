package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "hermod/"

// vocabulary is what everything else is said in. It takes the standard library only.
var vocabulary = []string{"shared/uid", "shared/job", "shared/webhook", "shared/delivery"}

// layers lists all rooms from the bottom to the top. A room is a folder below shared, functions or infra with all packages in
// it. It may import rooms of the layers below its own, and no other room of its own layer.
var layers = []struct {
	name  string
	rooms []string // path.Match patterns; the first layer that has a room counts
}{
	{"archtest", []string{"shared/archtest"}},                             // at the bottom: it imports nothing
	{"tools", []string{"infra/engines", "infra/template", "infra/meter"}}, // stand-ins and readers that know nothing of Hermod
	{"uid", vocabulary[0:1]},
	{"job", vocabulary[1:2]},
	{"webhook", vocabulary[2:3]},
	{"delivery", vocabulary[3:4]},
	{"policy", []string{"shared/retry", "shared/signature", "shared/egress", "shared/access", "shared/seal"}},
	{"work", []string{"shared/fanout", "shared/dispatch", "shared/sweep", "shared/redrive", "shared/tally", "shared/input"}},
	{"conformance", []string{"shared/storetest"}},
	{"api", []string{"shared/api", "shared/console"}},
	{"engines", []string{"shared/sqlite", "shared/awsdynamo", "shared/awssqs", "shared/awskms", "shared/awslambda"}},
	{"assembly", []string{"shared/assemble", "infra/local"}},
	{"visitors", []string{"infra/openapi"}}, // starts the service as its users do
	{"mains", []string{"functions/*", "infra/*"}},
}

// only lists what may be imported by few. A path stands for all packages below it too.
var only = []struct {
	path  string
	rooms []string // patterns of those who may
}{
	{"github.com/aws/aws-sdk-go-v2", []string{"shared/awsdynamo", "shared/awssqs", "shared/awskms", "shared/assemble"}},
	{"github.com/aws/smithy-go", []string{"shared/awsdynamo", "shared/awssqs", "shared/awskms", "shared/assemble"}},
	{"github.com/aws/aws-lambda-go", []string{"shared/awslambda", "functions/*"}},
	{"modernc.org/sqlite", []string{"shared/sqlite"}},
	{"hermod/shared/egress", []string{"shared/dispatch", "shared/assemble", "infra/local"}}, // it alone calls receivers
	{"hermod/shared/storetest", nil},                                             // test files only
	{"hermod/shared/api", []string{"shared/assemble", "infra/*", "functions/*"}}, // not the engines, though they stand above
	{"hermod/shared/console", []string{"shared/assemble", "infra/*", "functions/*"}},
	{"github.com/chromedp", []string{"infra/browser"}},
}

// topLevel are the names at the root, beside dotfiles and what .gitignore names.
var topLevel = []string{"functions", "shared", "infra", "template.yaml", "samconfig.toml", "go.mod", "go.sum", "README.md", "LICENSE"}

func TestImportsPointDown(t *testing.T) {
	for _, f := range sources(t) {
		if f.test {
			continue
		}
		if rankOf(roomOf(f.dir)) < 0 {
			t.Errorf("%s has no layer: give it one in the table layers of shared/archtest", f.dir)
			continue
		}
		for _, imported := range f.imports {
			if why := judge(f.dir, imported); why != "" {
				t.Errorf("%s (in %s)", why, f.name)
			}
		}
	}
}

func TestEveryPackageHasAComment(t *testing.T) {
	comments := map[string]string{}
	packages := map[string]string{}
	for _, f := range sources(t) {
		if !f.test {
			packages[f.dir] = f.pkg
			comments[f.dir] += f.comment
		}
	}
	for dir, name := range packages {
		switch comment := comments[dir]; {
		case comment == "":
			t.Errorf("%s has no package comment: say in one sentence what it is for", dir)
		case name != "main" && !strings.HasPrefix(comment, "Package "+name+" "):
			t.Errorf("the package comment of %s begins with %.30q, want %q", dir, comment, "Package "+name+" ")
		}
	}
}

func TestTopLevelNames(t *testing.T) {
	root := moduleRoot(t)
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	ignored := ignoredNames(t, root)
	for _, e := range entries {
		name := e.Name()
		if !strings.HasPrefix(name, ".") && !slices.Contains(topLevel, name) && !matches(ignored, name) {
			t.Errorf("%s stands at the top of the tree: only %s and dotfiles may", name, strings.Join(topLevel, ", "))
		}
	}
}

func TestRulesReadWell(t *testing.T) {
	tests := []struct{ from, imported, want string }{
		{"shared/api", "hermod/shared/sqlite", "shared/api imports shared/sqlite: api stands below engines"},
		{"shared/uid", "hermod/shared/job", "shared/uid imports shared/job: uid stands below job"},
		{"shared/webhook", "hermod/shared/delivery", "shared/webhook imports shared/delivery: webhook stands below delivery"},
		{"shared/archtest", "hermod/shared/uid", "shared/archtest imports shared/uid: archtest stands below uid"},
		{"shared/access", "hermod/shared/seal", "shared/access imports shared/seal: both are policy, where none imports another"},
		{"shared/sweep", "hermod/shared/dispatch", "shared/sweep imports shared/dispatch: both are work, where none imports another"},
		{"shared/console", "hermod/shared/api", "shared/console imports shared/api: both are api, where none imports another"},
		{"shared/dispatch/inner", "hermod/shared/api/spec", "shared/dispatch/inner imports shared/api/spec: dispatch stands below api"},
		{"functions/jobs", "hermod/functions/sweep", "functions/jobs imports functions/sweep: both are mains, where none imports another"},
		{"shared/sqlite", "hermod/shared/assemble", "shared/sqlite imports shared/assemble: sqlite stands below assembly"},
		{"shared/sqlite", "hermod/shared/nowhere", "shared/sqlite imports shared/nowhere, which has no layer"},
		{"shared/job", "github.com/google/uuid", "shared/job imports github.com/google/uuid: vocabulary takes the standard library only"},
		{"shared/sqlite", "hermod/shared/api", "shared/sqlite imports shared/api: only shared/assemble, infra/*, functions/* may"},
		{"shared/sqlite", "hermod/shared/storetest", "shared/sqlite imports shared/storetest: only test files may"},
		{"shared/api", "hermod/shared/egress", "shared/api imports shared/egress: only shared/dispatch, shared/assemble, infra/local may"},
		{"infra/bench", "hermod/shared/egress", "infra/bench imports shared/egress: only shared/dispatch, shared/assemble, infra/local may"},
		{"shared/awslambda", "github.com/aws/aws-sdk-go-v2/service/sqs/types", "shared/awslambda imports github.com/aws/aws-sdk-go-v2/service/sqs/types: only shared/awsdynamo, shared/awssqs, shared/awskms, shared/assemble may"},
		{"shared/dispatch", "github.com/aws/aws-lambda-go/events", "shared/dispatch imports github.com/aws/aws-lambda-go/events: only shared/awslambda, functions/* may"},
		{"infra/local", "modernc.org/sqlite", "infra/local imports modernc.org/sqlite: only shared/sqlite may"},

		{"shared/delivery", "hermod/shared/uid", ""},
		{"shared/delivery", "net/http", ""},
		{"shared/api", "hermod/shared/api/spec", ""},
		{"shared/storetest", "hermod/shared/dispatch", ""},
		{"shared/dispatch", "hermod/shared/egress", ""},
		{"shared/sqlite", "modernc.org/sqlite/lib", ""},
		{"shared/sqlite", "hermod/shared/sweep", ""},
		{"shared/awskms", "github.com/aws/aws-sdk-go-v2/service/kms", ""},
		{"infra/local", "hermod/shared/console", ""},
		{"functions/jobs", "hermod/shared/assemble", ""},
		{"functions/jobs", "github.com/aws/aws-lambda-go/lambda", ""},
	}
	for _, tt := range tests {
		if got := judge(tt.from, tt.imported); got != tt.want {
			t.Errorf("judge(%s, %s) = %q, want %q", tt.from, tt.imported, got, tt.want)
		}
	}
}

// judge says what is wrong with an import by the package in the folder from, or nothing.
func judge(from, imported string) string {
	target, ours := strings.CutPrefix(imported, module)
	says := fmt.Sprintf("%s imports %s", from, target)
	room := roomOf(from)
	if ours && roomOf(target) != room {
		if why := judgeLayers(room, roomOf(target)); why != "" {
			return says + why
		}
	}
	if outside := strings.Contains(strings.Split(imported, "/")[0], "."); outside && slices.Contains(vocabulary, room) {
		return says + ": vocabulary takes the standard library only"
	}
	for _, o := range only {
		if (imported == o.path || strings.HasPrefix(imported, o.path+"/")) && !matches(o.rooms, room) && module+room != o.path {
			if o.rooms == nil {
				return says + ": only test files may"
			}
			return says + ": only " + strings.Join(o.rooms, ", ") + " may"
		}
	}
	return ""
}

func judgeLayers(room, target string) string {
	mine, theirs := rankOf(room), rankOf(target)
	switch {
	case theirs < 0:
		return ", which has no layer"
	case mine == theirs:
		return ": both are " + layers[mine].name + ", where none imports another"
	case mine < theirs:
		return ": " + path.Base(room) + " stands below " + layers[theirs].name
	}
	return ""
}

// roomOf returns the room of a package's folder: its first two names.
func roomOf(dir string) string {
	names := strings.SplitN(dir, "/", 3)
	return strings.Join(names[:min(2, len(names))], "/")
}

// rankOf returns the index of the room's layer, -1 if it has none.
func rankOf(room string) int {
	for i, l := range layers {
		if matches(l.rooms, room) {
			return i
		}
	}
	return -1
}

// source is what the rules ask of a Go file.
type source struct {
	name    string // from the root, with slashes
	dir     string // from the root, with slashes
	pkg     string
	comment string // the package comment
	imports []string
	test    bool
}

// sources reads the module's Go files, whatever their build constraints.
func sources(t *testing.T) []source {
	t.Helper()
	root := moduleRoot(t)
	ignored := ignoredNames(t, root)
	var files []source
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if file != root && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "node_modules" || matches(ignored, name)) {
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		files = append(files, sourceOf(filepath.ToSlash(rel), parsed))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func sourceOf(name string, parsed *ast.File) source {
	f := source{name: name, dir: path.Dir(name), pkg: parsed.Name.Name, comment: parsed.Doc.Text(), test: strings.HasSuffix(name, "_test.go")}
	for _, spec := range parsed.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		f.imports = append(f.imports, imported)
	}
	return f
}

// moduleRoot returns the folder of go.mod, at or above this package.
func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod at or above this package")
		}
		dir = filepath.Dir(dir)
	}
}

// ignoredNames returns the patterns of .gitignore that are plain names: what a run or a build may leave behind.
func ignoredNames(t *testing.T, root string) []string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, ".gitignore"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(string(raw)) {
		if name := strings.Trim(strings.TrimSpace(line), "/"); name != "" && !strings.ContainsAny(name, "/#!") {
			names = append(names, name)
		}
	}
	return names
}

func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, _ := path.Match(p, name)
		return ok
	})
}
