package console

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Sizes of a chart: in pixels from the top to the bottom, and in percent from left to right, so that it is as wide as its place while its
// text has the size of all text.
const (
	chartHeight = 180
	chartTop    = 8
	chartBottom = 20   // for the times
	chartGap    = 0.25 // between columns
)

// layer is one of the parts that columns are made of, from the bottom to the top.
type layer struct {
	Name string
	Tone string // good, wait, bad or off: its colour
}

// column is what happened within one stretch of time: a count for each layer.
type column struct {
	At     time.Time
	Counts []int
}

// chart is a drawing of columns over time.
type chart struct {
	Height  int
	About   string // for who does not see it
	Layers  []layer
	Bars    []bar
	Columns []hit
	Lines   []axisLine // from the bottom to the top, evenly apart
	Ticks   []tick
}

// bar is one layer of one column.
type bar struct {
	Tone                string
	X, Y, Width, Height float64
}

// hit is the place of a column, that tells its numbers on hover.
type hit struct {
	X, Width float64
	Title    string
}

// axisLine is a level of the axis of counts.
type axisLine struct {
	Y    float64
	Text string
}

// tick is a time on the axis below.
type tick struct {
	X    float64
	Text string
}

// drawColumns draws stacked columns, one every step from since to until; those that are not given are empty. layout is how times read.
func drawColumns(about string, layers []layer, given []column, since, until time.Time, step time.Duration, layout string) chart {
	n := max(1, int(until.Sub(since)/step))
	columns := make([]column, n)
	for i := range columns {
		columns[i] = column{At: since.Add(time.Duration(i) * step), Counts: make([]int, len(layers))}
	}
	total, highest := 0, 1
	for _, g := range given {
		i := int(g.At.Sub(since) / step)
		if g.At.Before(since) || i >= n {
			continue
		}
		sum := 0
		for k, count := range g.Counts {
			columns[i].Counts[k] += count
			sum += columns[i].Counts[k]
			total += count
		}
		highest = max(highest, sum)
	}
	top := roundUp(highest)
	c := chart{Height: chartHeight, Layers: layers, About: fmt.Sprintf("%s: %s in all, at most %s in one column", about, number(total), number(highest))}
	for _, level := range slices.Compact([]int{0, top / 2, top}) {
		c.Lines = append(c.Lines, axisLine{Y: yOf(level, top), Text: number(level)})
	}
	width := 100 / float64(n)
	every := max(1, int(math.Ceil(float64(n)/6)))
	for i, col := range columns {
		x := float64(i) * width
		c.add(col, x, width, top, layout)
		if i%every == 0 {
			c.Ticks = append(c.Ticks, tick{X: rounded(x), Text: col.At.UTC().Format(layout)})
		}
	}
	return c
}

// add draws one column.
func (c *chart) add(col column, x, width float64, top int, layout string) {
	parts, below := []string{}, 0
	for k, l := range c.Layers {
		n := col.Counts[k]
		if n == 0 {
			continue
		}
		y := yOf(below+n, top)
		c.Bars = append(c.Bars, bar{Tone: l.Tone, X: rounded(x + chartGap/2), Y: y, Width: rounded(width - chartGap), Height: rounded(max(1, yOf(below, top)-y))})
		parts, below = append(parts, number(n)+" "+l.Name), below+n
	}
	if len(parts) > 0 {
		c.Columns = append(c.Columns, hit{X: rounded(x), Width: rounded(width), Title: col.At.UTC().Format(layout) + " UTC: " + strings.Join(parts, ", ")})
	}
}

// Empty reports whether there is nothing to see.
func (c chart) Empty() bool { return len(c.Bars) == 0 }

// yOf is where a level lies.
func yOf(level, top int) float64 {
	height := float64(chartHeight - chartTop - chartBottom)
	return rounded(chartTop + height - height*float64(level)/float64(top))
}

// rounded is precise enough to be drawn, and short.
func rounded(x float64) float64 { return math.Round(x*100) / 100 }

// roundUp returns the next number that reads well: 1, 2, 4 or 6 with zeros.
func roundUp(n int) int {
	for power := 1; ; power *= 10 {
		for _, digit := range []int{1, 2, 4, 6, 10} {
			if digit*power >= n {
				return digit * power
			}
		}
	}
}
