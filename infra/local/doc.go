// Local is the whole of Hermod in one process over one SQLite file: the console, the API, fan-out, dispatch, sweeps, redrives and tally,
// with goroutines in the place of event source mappings.
//
//	go run ./infra/local [-listen 127.0.0.1:8080] [-data ./hermod-data] [-demo]
//
// The data folder holds hermod.db (everything, with its write-ahead log beside it), hermod.key (which opens the secrets in it;
// mode 0600; without it they are lost) and, after a demo, demo.json. Only one process uses a folder at a time. It may be killed
// at any moment: nothing that was acknowledged is lost, and the next start goes on where it stopped. Only the counters behind a
// webhook's statistics miss their last second then.
package main
