// Package demo is company for a newcomer: an executor that works on launched jobs, and a receiver that verifies what it gets and
// misbehaves on command. Both are ordinary clients: they know Hermod only by its API and its deliveries.
package demo
