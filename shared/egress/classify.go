package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	"hermod/shared/delivery"
	"hermod/shared/webhook"
)

// configError is about the request as it was to be sent; nothing was.
type configError struct{ error }

func (e *configError) Unwrap() error { return e.error }

// handshakeError is what a TLS handshake ended with.
type handshakeError struct{ error }

func (e *handshakeError) Unwrap() error { return e.error }

// classify says what became of a request: its status if err is nil, else why there is none, in one word for programs and in a
// sentence for people. The sentence is made here, never taken from what a name server or a receiver sent.
func classify(status int, err error) (delivery.ErrorClass, string) {
	var (
		config    *configError
		handshake *handshakeError
		dns       *net.DNSError
		op        *net.OpError
	)
	switch {
	case err == nil:
		return classifyStatus(status)
	case errors.Is(err, webhook.ErrForbidden):
		return delivery.ClassBlocked, "the URL leads to an address or a port that deliveries never go to"
	case errors.As(err, &config):
		return delivery.ClassConfig, "the URL cannot be called: " + config.Error()
	case errors.As(err, &handshake):
		return delivery.ClassTLS, sayTLS(err)
	case errors.As(err, &dns):
		return delivery.ClassDNS, sayDNS(dns)
	case errors.As(err, &op) && op.Op == "dial":
		return delivery.ClassConnect, sayConnect(op)
	case errors.Is(err, context.DeadlineExceeded):
		return delivery.ClassTimeout, "no answer before the time-out"
	case errors.Is(err, context.Canceled):
		return delivery.ClassTimeout, "given up by the sender before an answer"
	case errors.As(err, &op) && (op.Op == "remote error" || op.Op == "local error"):
		return delivery.ClassTLS, sayTLS(err) // an alert after the handshake: a client certificate is asked for, for one
	case ended(err):
		return delivery.ClassReset, "the connection ended before an answer"
	case strings.HasPrefix(err.Error(), "net/http: invalid header"):
		return delivery.ClassConfig, "a header has a name or a value that HTTP does not allow"
	case strings.Contains(err.Error(), "headers exceeded"):
		return delivery.ClassProtocol, "the answer's header is longer than 32 KB"
	}
	return delivery.ClassProtocol, "what came back is not HTTP"
}

func classifyStatus(status int) (delivery.ErrorClass, string) {
	switch {
	case status/100 == 2:
		return delivery.ClassNone, ""
	case status < 100:
		return delivery.ClassProtocol, "what came back has a status that HTTP does not have"
	case status/100 == 3:
		return delivery.ClassStatus, sayStatus(status) + "; redirects are not followed"
	}
	return delivery.ClassStatus, sayStatus(status)
}

// ended reports whether err is one of the many ways to say that the connection ended.
func ended(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		err.Error() == "http: server closed idle connection"
}

func sayStatus(status int) string {
	return strings.TrimSpace(fmt.Sprintf("the answer was %d %s", status, http.StatusText(status)))
}

func sayDNS(err *net.DNSError) string {
	switch {
	case err.IsNotFound:
		return "the host name has no address"
	case err.IsTimeout:
		return "the name servers did not answer within 3 s"
	}
	return "the host name could not be resolved"
}

func sayConnect(err *net.OpError) string {
	switch {
	case err.Timeout():
		return "no connection within 3 s"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "the address cannot be reached"
	}
	return "the connection could not be made"
}

func sayTLS(err error) string {
	var (
		name    x509.HostnameError
		signer  x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
		record  tls.RecordHeaderError
		timeout interface{ Timeout() bool }
	)
	switch {
	case errors.As(err, &name):
		return "the certificate is for another name"
	case errors.As(err, &signer):
		return "the certificate is signed by nobody who is trusted"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the certificate has expired, or is not valid yet"
	case errors.As(err, &invalid):
		return "the certificate is not valid"
	case errors.As(err, &record):
		return "what answered does not speak TLS"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no TLS handshake within 3 s"
	}
	return "TLS could not be agreed on"
}
