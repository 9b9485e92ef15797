package main

import (
	"bytes"
	"fmt"
	"image/png"
	"os"
	"slices"
	"strings"
	"testing"

	"hermod/infra/browser"
)

// No page changes so that the way to a picture of it is lost.
func TestEveryPictureCanBeTaken(t *testing.T) {
	var told bytes.Buffer
	take(t, t.TempDir(), &told)
	files := strings.Fields(told.String())
	if len(files) != len(pictures) {
		t.Errorf("%d pictures were taken, want %d", len(files), len(pictures))
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		picture, err := png.Decode(bytes.NewReader(raw))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if size := picture.Bounds().Size(); size.X != width || size.Y != height {
			t.Errorf("%s measures %v, want %d by %d", file, size, width, height)
		}
		if len(raw) > 100_000 {
			t.Errorf("%s has %d bytes, want at most 100,000", file, len(raw))
		}
	}
}

func TestWhatIsWrongIsToldAndCleanedUpAfter(t *testing.T) {
	var told bytes.Buffer
	var done []string
	err := attend(&told, func(t browser.T) {
		t.Cleanup(func() { done = append(done, "first") })
		t.Cleanup(func() { done = append(done, "last"); t.Errorf("there is more") })
		t.Fatalf("no %s", "browser")
		done = append(done, "never")
	})
	if err == nil || told.String() != "no browser\nthere is more\n" || !slices.Equal(done, []string{"last", "first"}) {
		t.Errorf("the error is %v, told was %q and done %q, want an error, both complaints and both cleanups", err, &told, done)
	}
	if err := attend(&told, func(t browser.T) { t.Logf("well") }); err != nil {
		t.Errorf("what went well is told as %v", err)
	}
	for _, args := range [][]string{{"-no-such-flag"}, {"extra"}, {"-to", fmt.Sprint(t.TempDir(), "/none")}} {
		if err := run(args, &told, &told); err == nil {
			t.Errorf("%q: no error, want what is wrong", args)
		}
	}
}
