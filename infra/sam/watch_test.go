package sam_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// An alarm on a name that nothing has is silent for ever, and no tool tells.
func TestAlarmsAndDashboardWatchWhatThereIs(t *testing.T) {
	root, watch := read(t, "template.yaml"), read(t, "infra/observability.yaml")
	there := map[string][]string{
		"QueueName":    find(root, `QueueName: !Sub \$\{AWS::StackName\}-(\S+)`),
		"FunctionName": find(root, `FunctionName: !Sub \$\{AWS::StackName\}-(\S+)`),
		"alarm":        find(root+watch, `AlarmName: !Sub \$\{(?:AWS::StackName|Stack)\}-(\S+)`),
	}
	watched := regexp.MustCompile(`(?:Name: |")(QueueName|FunctionName)(?:, Value: !Sub "|", ")\$\{(?:AWS::StackName|Stack)\}-([a-z-]+)"|:(alarm):\$\{Stack\}-([a-z-]+)"`)
	seen := map[string]int{}
	for _, m := range watched.FindAllStringSubmatch(root+watch, -1) {
		kind, name := m[1]+m[3], m[2]+m[4]
		seen[kind]++
		if !slices.Contains(there[kind], name) {
			t.Errorf("the %s %q is watched, and there is none", kind, name)
		}
	}
	for kind, names := range there {
		if len(names) == 0 || seen[kind] == 0 {
			t.Errorf("of the kind %s there are %v, watched in %d places; want some", kind, names, seen[kind])
		}
	}
	for _, name := range there["alarm"] {
		if !strings.Contains(watch, ":alarm:${Stack}-"+name+`"`) {
			t.Errorf("the alarm %s is not on the dashboard", name)
		}
	}
}

func TestEachAlarmHasItsPage(t *testing.T) {
	templates := read(t, "template.yaml") + read(t, "infra/observability.yaml")
	pages := find(templates, `AlarmDescription: .* infra/runbooks/(\S+)`)
	if alarms := find(templates, `(AWS::CloudWatch::Alarm)`); len(pages) != len(alarms) {
		t.Errorf("%d of %d alarms name a page", len(pages), len(alarms))
	}
	index := read(t, "infra/runbooks/README.md")
	for _, page := range pages {
		if _, err := os.Stat(filepath.Join(top, "infra/runbooks", page)); err != nil {
			t.Errorf("an alarm names a page that is not there: %v", err)
		}
		if !strings.Contains(index, "("+page+")") {
			t.Errorf("infra/runbooks/README.md does not list %s", page)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// find returns what the one group of the expression matches.
func find(text, expression string) (list []string) {
	for _, m := range regexp.MustCompile(expression).FindAllStringSubmatch(text, -1) {
		list = append(list, m[1])
	}
	return list
}
