// Package delivery is the vocabulary of deliveries: one event for one webhook, its states and attempts, the archive that holds
// what is sent, the log of outcomes, and the messages and queues that move it.
//
// # Life of a delivery
//
//	                 first attempt accepted
//	pending ──────────────────────────────────────────────> succeeded   is never left
//	   │ first attempt failed                                   ▲
//	   ▼                                                        │ any attempt accepted, in every state
//	retrying ── a step failed: step + 1 ──> retrying ───────────┤
//	   │  │                                                     │
//	   │  └── the last step failed, 410, or our fault ──> dead ─┤── redrive: cycle + 1, step 0 ──> retrying
//	   └── fell due while its webhook was disabled or deleted ─> cancelled ── redrive ───────────> retrying
//
// A delivery is pending while it is matched in the archive and has no row; a row exists from the first outcome on. A
// delivery's place is its cycle (how often it was reopened) and its step (how far it is in the schedule of that cycle). A
// message that carries another place than the row is stale: it can do no harm, only be acknowledged.
//
// # Order of writes
//
// The outcome row, then the next message, then the acknowledgement of the message in hand. A crash between any two repeats a
// step and never loses one.
package delivery
