package meter

import (
	"hash/maphash"
	"slices"
	"sync"
)

var seed = maphash.MakeSeed()

// stripes are locks for many names; some names share one.
type stripes [256]sync.Mutex

// lock takes the locks of all names and returns what gives them back. All callers take them in the same order.
func (s *stripes) lock(names []string) (unlock func()) {
	var which []int
	for _, name := range names {
		which = append(which, int(maphash.String(seed, name)%uint64(len(s))))
	}
	slices.Sort(which)
	which = slices.Compact(which)
	for _, i := range which {
		s[i].Lock()
	}
	return func() {
		for _, i := range which {
			s[i].Unlock()
		}
	}
}
