// Package tally adds up: what happens to deliveries becomes counters of their webhook and of their project, by the hour, and the webhook's
// health, and what is reported of inputs becomes the totals of their job, which finishes if it is time.
//
// It reads what the store published, in batches, at least once, and writes as few times as it can: once for each webhook and hour of a
// batch, once for each project and hour, once for each job.
//
//   - A delivery counts when it comes to be in a state, and each request when it was made, of whatever cause. What was spent without a
//     request counts as none, and of test events nothing counts.
//   - Settling a job is idempotent, and is never let go: a record whose job could not be settled comes again, until the stream gives it
//     up and says so.
//   - Counters are approximate. A batch that comes again may count twice, and counters that cannot be written while their change is
//     younger than 15 minutes come again; after that they are let go, with a line in the log: they are not worth a stream that
//     stands still. Those of a project are what was written for its webhooks, and are let go at once: their changes would count twice
//     for these.
//   - The health of a webhook is noted with each batch that has failures of it, or successes after those; else once in a minute. Each
//     process knows only what it noted itself: a failure that another one has noted, and whose delivery never succeeds, may stay noted
//     for up to a minute of successes.
package tally
