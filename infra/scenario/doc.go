// Package scenario holds the end-to-end scenarios: what a user does with a running Hermod, and what must come of it, seen from
// outside. A scenario knows a deployment by its Target only, so that each runs unchanged against every deployment there is.
//
// Deliveries go to a real HTTP server, and are verified with the Standard Webhooks library, or for v1a by the words of its
// specification, not with our own code.
package scenario
