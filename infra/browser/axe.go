package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// shown is how many elements are shown for each thing that axe-core finds.
const shown = 3

// violation is a rule of axe-core's that the page breaks.
type violation struct {
	ID, Impact, Help, HelpURL string
	Nodes                     []struct{ HTML, FailureSummary string }
}

func (v violation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s): %s, %d times; %s", v.ID, v.Impact, v.Help, len(v.Nodes), v.HelpURL)
	for _, n := range v.Nodes[:min(shown, len(v.Nodes))] {
		fmt.Fprintf(&b, "\n%s\n%s", n.HTML, n.FailureSummary)
	}
	return b.String()
}

// Axe has axe-core look at the page as it is now. What shuts people out or makes it hard for them fails the test; lesser things are
// logged.
func (p *Page) Axe() {
	p.t.Helper()
	source, err := os.ReadFile(p.axe)
	if err != nil {
		p.t.Fatalf("axe-core: %v", err)
	}
	var found struct {
		Passes     int
		Violations []violation
	}
	p.do("look at it with axe-core", func(ctx context.Context) error {
		if _, err := p.evaluate(ctx, still); err != nil {
			return err
		}
		if _, err := p.evaluate(ctx, string(source)+";0"); err != nil {
			return err
		}
		value, err := p.evaluate(ctx, `axe.run().then(r => ({Passes: r.passes.length, Violations: r.violations}))`)
		if err != nil {
			return err
		}
		return json.Unmarshal(value, &found)
	})
	if found.Passes == 0 {
		p.t.Errorf("axe-core found nothing to look at on %s", p.Location())
	}
	for _, v := range found.Violations {
		if v.Impact == "serious" || v.Impact == "critical" {
			p.t.Errorf("axe-core on %s: %s", p.Location(), v)
		} else {
			p.t.Logf("axe-core on %s: %s", p.Location(), v)
		}
	}
}
