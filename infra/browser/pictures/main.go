// Pictures takes the pictures of the console that README.md shows, as NAME.png, from a service with its demo: after a minute, in which it
// has worked on some more jobs than it begins with. Look at them before you commit them.
//
//	go run ./infra/browser/pictures [-to infra/browser/pictures]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"hermod/infra/browser"
	"hermod/infra/openapi/service"
)

// Size of the window, in pixels.
const width, height = 1280, 800

// picture is what one looks at, and how to get there. A later one finds what an earlier one has done.
type picture struct {
	name string
	dark bool
	way  func(p *browser.Page)
}

var pictures = []picture{
	{"overview", false, func(p *browser.Page) {
		p.Open("/console")
		p.Wait(".chart .bar-bad")
	}},
	{"delivery", false, func(p *browser.Page) {
		p.Open("/console/dead-letters")
		p.Within("Leads in " + towns[len(towns)-1]).Click(`[href^="/console/deliveries/"]`)
		p.Wait("Its schedule of 5 attempts was used up")
	}},
	{"job-webhooks", false, func(p *browser.Page) {
		p.Open("/console/jobs")
		p.Click("Nightly import")
		p.Within(`[aria-label="About this job"]`).Click("Webhooks")
	}},
	{"redrive", true, func(p *browser.Page) {
		p.Open("/console/demo")
		p.Click("Mend: broken")
		p.Click("Dead letters")
		p.Type("Deliveries a second", "1")
		p.Click(fmt.Sprintf("Redrive %d deliveries", 1+len(towns)))
		p.Evaluate(`new Promise(done => { // once it is half done
			const look = setInterval(() => { if (/[5-9] succeeded/.test(document.body.innerText)) done(clearInterval(look) ?? 0) }, 50)
		})`, new(int))
	}},
}

// towns have a job each, of so many inputs.
var towns = []string{"Lyon", "Porto", "Graz", "Ghent", "Oslo", "Turin", "Gdańsk", "Bilbao", "Malmö", "Kraków", "Leeds"}

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "pictures:", err)
		os.Exit(1)
	}
}

func run(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("pictures", flag.ContinueOnError)
	flags.SetOutput(stderr)
	to := flags.String("to", "infra/browser/pictures", "folder to write to")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is no flag; see -help", flags.Arg(0))
	}
	if _, err := os.Stat(*to); err != nil {
		return fmt.Errorf("%w: run it at the top of the tree, or name a folder by -to", err)
	}
	return attend(stderr, func(t browser.T) { take(t, *to, stdout) })
}

// take takes all pictures into a folder.
func take(t browser.T, to string, stdout io.Writer) {
	s := browser.ServeDemo(t)
	s.Played()
	p := s.SignIn(browser.Start(t))
	p.Viewport(width, height)
	enliven(t, s)
	died(t, s, 1+len(towns))
	for _, picture := range pictures {
		p.Dark(picture.dark)
		picture.way(p)
		file := filepath.Join(to, picture.name+".png")
		p.Screenshot(file)
		if err := shrink(file); err != nil {
			t.Fatalf("%v", err)
		}
		fmt.Fprintln(stdout, file)
	}
}

// died waits until so many deliveries are dead.
func died(t browser.T, s *browser.Service, n int) {
	ctx, cancel := context.WithTimeout(context.Background(), 4*browser.Patience)
	defer cancel()
	if err := service.Until(ctx, fmt.Sprint(n, " dead letters"), func() (bool, error) {
		var stats struct {
			Now struct{ Dead struct{ Count int } }
		}
		err := s.Call(ctx, "GET", "/stats", nil, &stats)
		return stats.Now.Dead.Count == n, err
	}); err != nil {
		t.Fatalf("%v", err)
	}
}

// enliven has the demo's receiver take its time, as receivers elsewhere do, and launches more jobs.
func enliven(t browser.T, s *browser.Service) {
	for path, mood := range map[string]string{"good": "delay=40ms", "shaky": "delay=180ms&fail_first=2", "broken": "delay=25ms&status=500"} {
		res, err := http.Post(s.Demo+"/behave/"+path+"?"+mood, "", nil)
		if err != nil {
			t.Fatalf("%v", err)
		}
		if res.Body.Close(); res.StatusCode != http.StatusOK {
			t.Fatalf("/hook/%s is to have %s: %s", path, mood, res.Status)
		}
	}
	var flows []struct{ UID, Name string }
	s.Must("GET", "/workflows", nil, &flows)
	for i, town := range towns {
		inputs := make([]map[string]string, 8+3*i)
		for k := range inputs {
			inputs[k] = map[string]string{"company": fmt.Sprintf("Company %d of %s", k+1, town)}
		}
		for _, flow := range flows {
			if flow.Name == "Lead import" {
				s.Must("POST", "/workflows/"+flow.UID+"/schedule", map[string]any{"job_name": "Leads in " + town, "inputs": inputs}, nil)
			}
		}
	}
}
