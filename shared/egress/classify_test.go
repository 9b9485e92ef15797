package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"hermod/shared/delivery"
	"hermod/shared/webhook"
)

func TestEveryStatusIsClassified(t *testing.T) {
	for status := range 1000 {
		want := delivery.ClassStatus
		switch {
		case status < 100:
			want = delivery.ClassProtocol
		case status >= 200 && status < 300:
			want = delivery.ClassNone
		}
		class, says := classify(status, nil)
		if class != want || (says == "") != (want == delivery.ClassNone) {
			t.Errorf("classify(%d) = %q, %q, want %q", status, class, says, want)
		}
		if want == delivery.ClassStatus && !strings.Contains(says, strconv.Itoa(status)) {
			t.Errorf("classify(%d) says %q, want the status in it", status, says)
		}
	}
}

func TestEveryKindOfErrorIsClassified(t *testing.T) {
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	read := func(err error) error { return &net.OpError{Op: "read", Net: "tcp", Err: err} }
	number := func(n syscall.Errno) error { return os.NewSyscallError("connect", n) }
	for _, tc := range []struct {
		err  error
		want delivery.ErrorClass
		says string
	}{
		{dial(fmt.Errorf("10.0.0.1: %w", webhook.ErrForbidden)), delivery.ClassBlocked, "never go to"},
		{&configError{fmt.Errorf("10.0.0.1: %w", webhook.ErrForbidden)}, delivery.ClassBlocked, "never go to"},
		{&configError{errors.New("it has a fragment")}, delivery.ClassConfig, "it has a fragment"},
		{errors.New(`net/http: invalid header field value for "A"`), delivery.ClassConfig, "header"},

		{dial(&net.DNSError{Err: "no such host", Name: "x", IsNotFound: true}), delivery.ClassDNS, "no address"},
		{dial(&net.DNSError{Err: "i/o timeout", Name: "x", IsTimeout: true}), delivery.ClassDNS, "did not answer"},
		{dial(&net.DNSError{Err: "server misbehaving", Name: "x"}), delivery.ClassDNS, "not be resolved"},

		{dial(number(syscall.ECONNREFUSED)), delivery.ClassConnect, "refused"},
		{dial(number(syscall.ENETUNREACH)), delivery.ClassConnect, "cannot be reached"},
		{dial(number(syscall.EHOSTUNREACH)), delivery.ClassConnect, "cannot be reached"},
		{dial(os.ErrDeadlineExceeded), delivery.ClassConnect, "within 3 s"},
		{dial(number(syscall.EMFILE)), delivery.ClassConnect, "could not be made"},

		{&handshakeError{io.EOF}, delivery.ClassTLS, "agreed"},
		{&handshakeError{read(syscall.ECONNRESET)}, delivery.ClassTLS, "agreed"},
		{&handshakeError{read(os.ErrDeadlineExceeded)}, delivery.ClassTLS, "within 3 s"},
		{&handshakeError{tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}}, delivery.ClassTLS, "does not speak TLS"},
		{&handshakeError{&tls.CertificateVerificationError{Err: x509.HostnameError{}}}, delivery.ClassTLS, "another name"},
		{&handshakeError{&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}}, delivery.ClassTLS, "trusted"},
		{&handshakeError{&tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.Expired}}}, delivery.ClassTLS, "expired"},
		{&handshakeError{&tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.NotAuthorizedToSign}}}, delivery.ClassTLS, "not valid"},
		{&net.OpError{Op: "remote error", Err: tls.AlertError(116)}, delivery.ClassTLS, "agreed"},

		{context.DeadlineExceeded, delivery.ClassTimeout, "time-out"},
		{context.Canceled, delivery.ClassTimeout, "given up"},

		{io.EOF, delivery.ClassReset, "ended"},
		{fmt.Errorf("net/http: HTTP/1.x transport connection broken: %w", io.ErrUnexpectedEOF), delivery.ClassReset, "ended"},
		{read(syscall.ECONNRESET), delivery.ClassReset, "ended"},
		{fmt.Errorf("write error: %w", &net.OpError{Op: "write", Err: syscall.EPIPE}), delivery.ClassReset, "ended"},
		{errors.New("http: server closed idle connection"), delivery.ClassReset, "ended"},

		{errors.New("net/http: server response headers exceeded 32768 bytes; aborted"), delivery.ClassProtocol, "32 KB"},
		{errors.New(`malformed HTTP response "SSH-2.0-hunter2"`), delivery.ClassProtocol, "not HTTP"},
	} {
		class, says := classify(0, tc.err)
		if class != tc.want || !strings.Contains(says, tc.says) {
			t.Errorf("classify(%v) = %q, %q, want %q and %q", tc.err, class, says, tc.want, tc.says)
		}
		if strings.Contains(says, "hunter2") {
			t.Errorf("classify(%v) says %q, which the receiver sent", tc.err, says)
		}
	}
}
