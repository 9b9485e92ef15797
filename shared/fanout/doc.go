// Package fanout turns each change of a job that is an event into one message for every webhook that takes it.
//
// It reads what the store published: at least once, in batches. What it does is the same however often it is done: the event's
// uid follows from the job and its version, the event is archived once, with its bodies and the webhooks it matched, and a run
// again goes on with what the first run archived. Messages of a run again say that they may be copies.
//
//   - A webhook created before the change takes the event: the list of webhooks is read anew whenever the project's hooks version
//     has moved, and that version is read once per batch and project, after the change was committed.
//   - Every event is archived, matched or not, before anything is sent.
//   - A record that cannot be processed is parked in the lane ops, image and all, and passed. Only an unreachable store keeps a
//     record from passing.
package fanout
