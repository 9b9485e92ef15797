// Package mapping does what Lambda's event source mappings and EventBridge Scheduler do: it polls queues, reads streams, keeps
// time, and calls functions with what it finds.
//
// What it asks of queues and streams it asks in the name of the function, as on AWS, where the function's role needs the grants
// for it. Not as on AWS: a queue has one poller, which never waits for more than a second, and a stream's shards are those that
// it has at the start.
package mapping
