package sam_test

import (
	"debug/buildinfo"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const top = "../.." // of the tree

// maxBinary and maxConsole are in bytes; with its symbols a binary is half as long again. The console may have more: html/template calls
// methods by their names, for which the linker keeps every method that is exported, those of the AWS clients among them. No delivery
// waits for it.
const (
	maxBinary  = 11 << 20
	maxConsole = 18 << 20
)

func TestTheBinariesForArm64AreWhatIsDeployed(t *testing.T) {
	check(t, ".aws-sam/build", "arm64")
}

func TestTheBinariesForX86AreWhatIsRehearsed(t *testing.T) {
	check(t, ".aws-sam/x86_64", "amd64")
}

// check reads the build information of every function's binary. A wrong CodeUri gives all functions one binary, and a script that
// forgot the flags gives binaries that differ from commit to commit: nothing but this would tell.
func check(t *testing.T, folder, arch string) {
	if _, err := os.Stat(filepath.Join(top, folder, "template.yaml")); err != nil {
		leaveOut(t, folder+" holds no build: infra/sam/install fetches SAM, then infra/sam/build "+strings.Replace(arch, "amd64", "x86_64", 1))
	}
	functions := names(t, "functions")
	for _, built := range names(t, folder) {
		name := strings.ToLower(strings.TrimSuffix(built, "Function"))
		if strings.HasSuffix(built, "Function") && !slices.Contains(functions, name) {
			t.Errorf("%s/%s was built of no folder in functions", folder, built)
		}
	}
	for _, name := range functions {
		file := filepath.Join(top, folder, strings.ToUpper(name[:1])+name[1:]+"Function", "bootstrap")
		info, err := buildinfo.ReadFile(file)
		if err != nil {
			t.Errorf("%s was not built: %v", name, err)
			continue
		}
		if want := "hermod/functions/" + name; info.Path != want {
			t.Errorf("the binary of %s is %s, want %s", name, info.Path, want)
		}
		got := map[string]string{}
		for _, s := range info.Settings {
			got[s.Key] = s.Value
		}
		for key, want := range map[string]string{
			"GOOS": "linux", "GOARCH": arch, "CGO_ENABLED": "0", "-trimpath": "true", "-tags": "lambda.norpc", "vcs": "",
		} {
			if got[key] != want {
				t.Errorf("the binary of %s has %s=%q, want %q", name, key, got[key], want)
			}
		}
		limit := int64(maxBinary)
		if name == "console" {
			limit = maxConsole
		}
		if stat, err := os.Stat(file); err != nil || stat.Size() > limit {
			t.Errorf("the binary of %s has %d bytes (%v), want at most %d", name, stat.Size(), err, limit)
		}
	}
}

// names returns the names of the folders in one.
func names(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(top, folder))
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		if e.IsDir() {
			list = append(list, e.Name())
		}
	}
	return list
}
