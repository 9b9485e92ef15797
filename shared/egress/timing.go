package egress

import (
	"crypto/tls"
	"errors"
	"net/http/httptrace"
	"sync"
	"time"

	"hermod/shared/delivery"
)

// stopwatch notes when the phases of one request began and ended. Its hooks are called on several goroutines, some after the
// request has ended: a connection once begun is made, also when the request found a free one meanwhile or was given up.
type stopwatch struct {
	start time.Time

	mu                sync.Mutex
	dns, connect, tls span
	firstByte         time.Duration // since start; 0: none came
	reused            bool          // the request went over a kept connection
	handshakeErr      error
}

// span is a phase, in times since the start of the request; 0 is not yet.
type span struct{ begin, end time.Duration }

func (w *stopwatch) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		DNSStart:             func(httptrace.DNSStartInfo) { w.begin(&w.dns) },
		DNSDone:              func(httptrace.DNSDoneInfo) { w.end(&w.dns) },
		ConnectStart:         func(string, string) { w.begin(&w.connect) },
		ConnectDone:          func(string, string, error) { w.end(&w.connect) },
		TLSHandshakeStart:    func() { w.begin(&w.tls) },
		TLSHandshakeDone:     func(_ tls.ConnectionState, err error) { w.end(&w.tls); w.handshakeDone(err) },
		GotConn:              w.gotConn,
		GotFirstResponseByte: w.gotFirstByte,
	}
}

// begin notes the first begin only: several addresses may be tried, also at once.
func (w *stopwatch) begin(s *span) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s.begin == 0 {
		s.begin = time.Since(w.start)
	}
}

func (w *stopwatch) end(s *span) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s.end = time.Since(w.start)
}

func (w *stopwatch) handshakeDone(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.handshakeErr = err
}

func (w *stopwatch) gotConn(info httptrace.GotConnInfo) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reused = info.Reused
}

func (w *stopwatch) gotFirstByte() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.firstByte = time.Since(w.start)
}

// blame marks err if it is what the TLS handshake ended with. Errors of a handshake are of many types, end of file and reset
// among them, and cannot be told from those of an answer.
func (w *stopwatch) blame(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil && w.handshakeErr != nil && errors.Is(err, w.handshakeErr) {
		return &handshakeError{err}
	}
	return err
}

// stop returns the time since the start and what of it went where.
func (w *stopwatch) stop() (time.Duration, delivery.Timing) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Since(w.start)
	if w.reused {
		return now, delivery.Timing{FirstByte: w.firstByte}
	}
	return now, delivery.Timing{DNS: w.dns.length(now), Connect: w.connect.length(now), TLS: w.tls.length(now), FirstByte: w.firstByte}
}

// length of a phase that was under way when the request was given up is until now.
func (s span) length(now time.Duration) time.Duration {
	switch {
	case s.begin == 0:
		return 0
	case s.end == 0:
		return now - s.begin
	}
	return s.end - s.begin
}
