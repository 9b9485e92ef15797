// Package runtime runs a built function as Lambda runs it: processes that each take one call at a time, are stopped between calls
// and killed at the time-out.
//
// A process gets its calls over the Runtime API (version 2018-06-01), on a listener of its own. A call is over when the process
// asks for the next one; from then on it is stopped (SIGSTOP) until there is one, so that whatever it still wanted to do in the
// background waits too, as on Lambda. A process that ends during a call fails that call; the next call gets a new process.
//
// Like Lambda, and unlike a server, a function has as many processes as there are calls at the same time.
package runtime
