// Package input is the work on a job's inputs: appending them, taking reports of what became of them, sending failed ones back, and the
// finish that follows when the last of them has an outcome.
//
// A job may have 100,000 inputs, so they are kept by the page and by the chunk, and the job itself knows only how many there are and how
// they stand in total:
//
//	data pages     what the inputs consist of, written once when they are appended
//	chunks         how 500 inputs each stand: status, retries, outputs, times, why they failed; one that was never written is all pending
//	result pages   what a report brought along: messages of errors, rows of results; a chunk names those that count
//
// # Order of writes
//
// An append is decided by its first page, which names the others: it is written last of them, and only where there is none. After it
// the job's list is extended, by whoever finds that it was not. A report first takes a pending job to running; then, for each chunk, it
// writes a result page under a new name and then the chunk, which names it, on condition of its version. What was reported is what the
// chunk says, so a page that no chunk names counts for nothing, and the same report twice, also at once, counts once. A retry reopens
// the chunks first and takes the job back to pending last, which is the publish.
//
// Where a write may have been carried out or not, nothing is repeated here: the request fails, and its client makes it again. A write
// that lost against another is decided again on what is there then, a few times.
//
// # Finish
//
// A job whose list is closed finishes by itself when no input is open. The check follows every append that closes the list, and every
// report that leaves no open input in a chunk it touched, unless many others are open by the job's totals. Settle makes it again: engines
// have it called after each write of a chunk, each closing of a list, and each change from paused to running, so that a crash never leaves
// a job running. Settle brings the totals up to date first, and a job goes back to pending only on totals that are not older; so no retry
// takes back a job whose last input was settled meanwhile. Finishing is one write on condition of the job's version: it happens once.
package input
