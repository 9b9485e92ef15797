// Package storetest is one conformance suite for each seam, written against the comment of its interface alone. An engine
// passes all of them:
//
//	func TestJobs(t *testing.T) {
//		storetest.Jobs(t, func(t *testing.T, now func() time.Time) job.Store { return open(t, now).Jobs() })
//	}
//
// Every subtest opens an engine of its own, empty, whose clock stands still until the test moves it. What a contract calls
// immediate is read once; what may lag by seconds is asked for again until it is there. Where an engine has no clock to set, the
// suite of queues can do without.
//
// Transitions goes further: it runs dispatch on an engine, through every transition of a delivery, and then again with a fault
// before and after each write. InputService does the same with the work on a job's inputs: after each stop nothing counts twice, and the
// job finishes once.
package storetest
