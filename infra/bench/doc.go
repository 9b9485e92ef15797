// Package bench measures the whole path of a delivery on one machine, with service, publishers and receiver in processes of their
// own, as users have them:
//
//	go test -run '^$' -bench . -benchtime 20000x ./infra/bench
//
// An operation is one delivery. An event is one PATCH to running on a job that was launched beforehand, by 16 publishers at once;
// the clock runs from the first PATCH to the last delivery. Reported besides the time: deliveries a second, and the service's own
// CPU seconds for a thousand deliveries (user and system, from /proc: Linux only).
package bench
