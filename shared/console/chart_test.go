package console_test

import (
	"strings"
	"testing"
)

func TestAChartOfOneHasTwoLevels(t *testing.T) {
	w := newWorld(t)
	w.newHook(object{"events": []string{"created"}})
	w.newJob(w.newFlow("Leads"), "running")
	w.work()
	page := w.visit("full").get("").is(200).shows(`<div class="levels"><span>0</span><span>1</span></div>`)
	if n := strings.Count(page.body, "<line "); n != 2 {
		t.Errorf("%d lines are drawn, want one for each level", n)
	}
}
