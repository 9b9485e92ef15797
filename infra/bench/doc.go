// Package bench measures the whole path of a delivery on one machine, with service, publishers and receiver in processes of their
// own, as users have them:
//
//	go test -run '^$' -bench 'Flat|Fanout' -benchtime 20000x ./infra/bench
//
// An operation is one delivery. An event is one PATCH to running on a job that was launched beforehand, by 16 publishers at once;
// the clock runs from the first PATCH to the last delivery. Reported besides the time: deliveries a second, and the service's own
// CPU seconds for a thousand deliveries (user and system, from /proc: Linux only).
//
// It also measures how long the console's pages, and the lists of the API that they are made of, take to their first byte with a
// million deliveries stored, a month of 50,000 jobs, 100 webhooks and their counters:
//
//	go test -run '^$' -bench 'API|Console' -benchtime 30x ./infra/bench
//
// Reported are the median and the longest of the requests, the first included, and the size without compression. To write the data takes
// a minute or two and 1 GB of a temporary folder; with HERMOD_BENCH_DATA set to a folder it is kept there and used again for two hours.
package bench
