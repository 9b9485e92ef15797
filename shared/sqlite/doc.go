// Package sqlite is the whole service's memory on one machine: one SQLite file that keeps jobs, webhooks, deliveries and
// everything around them, stands for the stream of changes with an outbox and for the queues with a table.
//
// # Rules
//
// The file belongs to one process at a time; a lock beside it says which. Open refuses what is damaged, newer or another
// program's, and leaves it as it is.
//
// One writer carries out the operations of all callers, in groups of one transaction each, and answers when the disk has them
// (WAL, synchronous FULL): killed at any moment, the process loses nothing that it has acknowledged. An operation that meets its
// own refusal (not found, stale, over quota) leaves the rest of its group alone; one that the database objects to is undone with
// its group, and then each is tried alone. A caller's context counts until its operation begins; after that it is carried out.
// When the disk is full a write fails with ErrFull, nothing of it stays, and reading goes on.
//
// Readers have connections of their own and never wait for the writer. What they read includes every write that returned.
//
// Rows expire. Every read leaves out what has, and a cleaner removes it later, a few rows at a time. What belongs to a job's inputs has
// no time of its own: it goes after its job.
//
// # Queues
//
// Messages are at least once, as in SQS, and lanes are fair: groups (webhooks) take turns, and of one group only so many messages
// are in hand at once that a receiver that hangs holds up nobody else. What is in hand is known in memory only, its receive
// count is in the table: after a crash the messages in hand are visible at once and their counts stay.
//
// # Tables
//
// Columns are what a condition, an index or a list needs; the rest of an entity is a document, JSON of a private type. Every time
// is in nanoseconds since 1970. schema.go has the statements.
//
//	table         key                           also
//	state         name                          how often the file was opened; how far the due index was swept
//	project       uid
//	api_key       hash                          of the key's text; index by project
//	data_key      project                       wrapped
//	reply         name                          held_until while the first request has no answer
//	workflow      uid                           version; index by project
//	job           uid                           version, status, list of inputs, totals; indexes by project, by workflow, of paused ones
//	input_page    job, kind, name
//	input_chunk   job, number                   version
//	unsettled     job                           a mark, new with each reason to settle the job
//	outbox        id                            the job as written, until fan-out has passed it
//	webhook       uid                           version, parked_until; indexes by project and by job; a deleted one keeps its uid 30 days
//	hooks         project                       hooks version
//	event         project, uid                  matches, a body per payload format; index by job
//	delivery      event, webhook                partial indexes: due_at, and what did not succeed by project and state
//	answer        event, webhook, number        what a failed attempt got back
//	message       lane, group, visible_at, id   receives, first and last time sent, lane of origin
//	redrive       uid                           version; index by project
//	redrive_page  task, number
//	counter       project, webhook, hour        what happened to a webhook's deliveries
package sqlite
