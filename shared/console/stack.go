package console

import "strings"

// stack is a bar of segments, one after the other: dot of the part "stack".
type stack struct {
	Segments []segment // without empty ones
	About    string    // for who does not see it
}

// segment is a part of a bar, whose whole is 1,000 wide.
type segment struct {
	Tone, Name string
	Count      int
	X, Width   float64
}

// newStack draws what has become of all of something. The segments may be less than all.
func newStack(whole string, all int, segments ...segment) stack {
	var s stack
	x := 0.0
	for _, part := range segments {
		if part.Count == 0 {
			continue
		}
		part.X, part.Width = x, 1000*float64(part.Count)/float64(all)
		x += part.Width
		s.Segments = append(s.Segments, part)
		s.About += number(part.Count) + " " + part.Name + ", "
	}
	s.About = strings.TrimSuffix(s.About, ", ") + " of " + whole
	return s
}
