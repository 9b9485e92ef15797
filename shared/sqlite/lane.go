package sqlite

import (
	"container/heap"
	"sync"

	"hermod/shared/delivery"
)

// lanes has every lane by its name.
type lanes map[delivery.Lane]*lane

// lane is what is known in memory of one lane: whose turn it is, and which messages are in hand. The messages are in the table,
// so that its size is that of the groups and of what is in hand, however many messages wait.
//
// Groups take turns. A group is in the ring while it may have a message to receive and has not as many in hand as it may; a
// group whose next message is visible later stands in the heap. That a group is ready is a guess on the safe side: the turn
// that finds nothing ends it.
//
// A message in hand keeps its place in the table, with its receive count raised. That it is in hand is known here only: when
// the process dies its messages are visible again.
type lane struct {
	name    delivery.Lane
	perHook int // messages of a group in hand at most; 0: any number

	mu     sync.Mutex
	groups map[string]*group
	ring   []*group
	later  laterHeap
	claims map[int64]*claim
	oldest *claim // a list by the time of receipt, which is the order in which visibility runs out
	newest *claim
	wake   chan struct{} // of size 1; who takes from it passes it on
}

// group is what a lane knows of one webhook's messages.
type group struct {
	name   string
	ready  bool  // a message may be visible
	queued bool  // stands in the ring
	inHand int   //
	next   int64 // when the next message becomes visible; 0: none is known
	place  int   // in the heap; -1: not there
	from   spot  // before it there is nothing that could be received
}

// spot is a place in a group's order.
type spot struct{ visible, id int64 }

func (s spot) before(o spot) bool {
	return s.visible < o.visible || s.visible == o.visible && s.id < o.id
}

// claim is one message in hand.
type claim struct {
	group        *group
	spot         spot
	receives     int
	until        int64
	older, newer *claim
}

func newLanes(perHook int) lanes {
	all := lanes{}
	for _, name := range []delivery.Lane{delivery.LaneFirst, delivery.LaneRetry, delivery.LaneOps, delivery.LaneDead, delivery.LaneStuck} {
		all[name] = &lane{name: name, groups: map[string]*group{}, claims: map[int64]*claim{}, wake: make(chan struct{}, 1)}
	}
	all[delivery.LaneFirst].perHook, all[delivery.LaneRetry].perHook = perHook, perHook
	return all
}

// load learns of the groups that have messages, by one look-up for each.
func (all lanes) load(c *conn, now int64) error {
	var name, grp string
	for {
		r, err := c.get("SELECT lane, grp, visible_at, id FROM message WHERE (lane, grp) > (?, ?) ORDER BY lane, grp, visible_at LIMIT 1", name, grp)
		if err != nil || r == nil {
			return err
		}
		name, grp = r.text(0), r.text(1)
		if l := all[delivery.Lane(name)]; l != nil {
			l.arrived(grp, spot{r.int(2), r.int(3)}, now)
		}
	}
}

// arrived says that a message is at a spot.
func (l *lane) arrived(grp string, at spot, now int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.add(grp, at, now)
	l.signal()
}

func (l *lane) add(grp string, at spot, now int64) {
	g := l.groups[grp]
	if g == nil {
		g = &group{name: grp, place: -1, from: at}
		l.groups[grp] = g
	}
	if at.before(g.from) {
		g.from = at
	}
	if at.visible > now {
		l.waitUntil(g, at.visible)
		return
	}
	g.ready = true
	l.queue(g)
}

// queue gives the group a turn if it may have one.
func (l *lane) queue(g *group) {
	if g.ready && !g.queued && l.free(g) > 0 {
		g.queued = true
		l.ring = append(l.ring, g)
	}
}

// From so many messages in hand on, a group may have an eighth of its usual number in hand, and from so many on only one: dozens of
// receivers that hang must leave room for a thousand that do not.
const (
	crowded = 2048
	packed  = 3072
)

// free is how many more messages of the group may be in hand.
func (l *lane) free(g *group) int {
	if l.perHook == 0 {
		return maxReceive
	}
	allowed := l.perHook
	switch n := len(l.claims); {
	case n >= packed:
		allowed = 1
	case n >= crowded:
		allowed = max(1, allowed/8)
	}
	return allowed - g.inHand
}

func (l *lane) waitUntil(g *group, t int64) {
	switch {
	case g.place < 0:
		g.next = t
		heap.Push(&l.later, g)
	case t < g.next:
		g.next = t
		heap.Fix(&l.later, g.place)
	}
}

// look brings the lane up to now. It reports whether a turn is due, and if not when to look again; 0 if only then when woken.
func (l *lane) look(now int64) (ready bool, again int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.advance(now)
	if len(l.ring) > 0 {
		return true, 0
	}
	if len(l.later) > 0 {
		again = l.later[0].next
	}
	if l.oldest != nil && (again == 0 || l.oldest.until < again) {
		again = l.oldest.until
	}
	return false, again
}

// advance makes ready what has become visible, and what was in hand for too long.
func (l *lane) advance(now int64) {
	for len(l.later) > 0 && l.later[0].next <= now {
		g := heap.Pop(&l.later).(*group)
		g.next, g.ready = 0, true
		l.queue(g)
	}
	for l.oldest != nil && l.oldest.until <= now {
		l.handBack(l.oldest)
	}
}

// share is how many messages each group gets at its turn when so many are wanted.
func (l *lane) share(wanted int) int { return max(1, wanted/max(1, len(l.ring))) }

// turn takes the group whose turn it is out of the ring.
func (l *lane) turn() *group {
	g := l.ring[0]
	l.ring[0] = nil
	l.ring = l.ring[1:]
	g.queued = false
	return g
}

// ended notes what a turn has found: that the group goes on being ready, or when it is so again.
func (l *lane) ended(g *group, ready bool, next int64) {
	g.ready = ready
	if next > 0 {
		l.waitUntil(g, next)
	}
	l.queue(g)
	l.forget(g)
}

// claim takes a message in hand.
func (l *lane) claim(g *group, at spot, receives int, until int64) *claim {
	c := &claim{group: g, spot: at, receives: receives, until: until, older: l.newest}
	if l.newest == nil {
		l.oldest = c
	} else {
		l.newest.newer = c
	}
	l.newest = c
	l.claims[at.id] = c
	g.inHand++
	return c
}

// settled says that a message received so many times was deleted or hidden.
func (l *lane) settled(id int64, receives int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.claims[id]; c != nil && c.receives == receives {
		l.unclaim(c)
		l.queue(c.group)
		l.forget(c.group)
		l.signal()
	}
}

// undo gives back what a turn took whose transaction was undone.
func (l *lane) undo(grp string, claims []*claim, now int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range claims {
		if l.claims[c.spot.id] == c {
			l.handBack(c)
		}
	}
	l.add(grp, spot{}, now)
	l.signal()
}

// handBack makes a message visible again.
func (l *lane) handBack(c *claim) {
	l.unclaim(c)
	if c.spot.before(c.group.from) {
		c.group.from = c.spot
	}
	c.group.ready = true
	l.queue(c.group)
}

func (l *lane) unclaim(c *claim) {
	delete(l.claims, c.spot.id)
	c.group.inHand--
	if c.older == nil {
		l.oldest = c.newer
	} else {
		c.older.newer = c.newer
	}
	if c.newer == nil {
		l.newest = c.older
	} else {
		c.newer.older = c.older
	}
}

// forget drops a group about which nothing is to be known.
func (l *lane) forget(g *group) {
	if !g.ready && !g.queued && g.inHand == 0 && g.place < 0 {
		delete(l.groups, g.name)
	}
}

// held is how many messages are in hand.
func (l *lane) held(now int64) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.advance(now)
	return len(l.claims)
}

func (l *lane) holds(id int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.claims[id] != nil
}

func (l *lane) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// laterHeap has the groups that wait, the one that waits least at the top.
type laterHeap []*group

func (h laterHeap) Len() int           { return len(h) }
func (h laterHeap) Less(i, j int) bool { return h[i].next < h[j].next }
func (h laterHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

func (h *laterHeap) Push(x any) {
	g := x.(*group)
	g.place = len(*h)
	*h = append(*h, g)
}

func (h *laterHeap) Pop() any {
	old := *h
	g := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	g.place = -1
	return g
}
