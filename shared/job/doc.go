// Package job is the vocabulary of jobs: what a job is, how its status moves, and which event each move announces.
//
// A job is one execution of a workflow, done by the customer's executor and reported here. Its version grows by one with
// each change of status, and that change is the publish: the engine hands every committed change to fan-out, so nothing
// has to be written twice. A status the job already has changes nothing and announces nothing.
//
// Rules are pure functions on values (Launch, Apply, Retry, Cancel): they take a job and return the job as it should be
// written. Store keeps it on condition of the version that the rule read.
//
// What a job's inputs consist of, and how each stands, is kept beside it, in pages and chunks (Inputs); the job has only how many
// there are and their totals, which do not count as changes.
package job
