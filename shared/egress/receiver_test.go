package egress

import (
	"bufio"
	"context"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hermod/shared/webhook"
)

var lenient = webhook.Rules{AllowHTTP: true, AllowPrivate: true}

// long is for requests that must end by themselves, short for those that end by their deadline.
const (
	long  = 10 * time.Second
	short = 60 * time.Millisecond
)

func newClient(t *testing.T, cfg Config) *Client {
	t.Helper()
	c := New(cfg)
	t.Cleanup(c.Close)
	return c
}

// post sends a POST whose URL and headers hold a secret, and checks that the secret is not in the result's sentence.
func post(t *testing.T, c *Client, url string, timeout time.Duration) Result {
	t.Helper()
	res := c.Post(context.Background(), Request{
		URL:     strings.TrimSuffix(url, "/") + "/hook?token=hunter2",
		Header:  http.Header{"Authorization": {"Bearer hunter2"}},
		Body:    []byte(`{"secret":"hunter2"}`),
		Timeout: timeout,
	})
	if strings.Contains(res.Error, "hunter2") {
		t.Errorf("Error = %q, want it without the secret", res.Error)
	}
	return res
}

// receiver is a server on 127.0.0.1 that answers each connection's first request as it likes, byte by byte.
type receiver struct {
	url         string
	addr        string
	connections atomic.Int64
}

// newReceiver starts a receiver. Its answer writes to the connection, which is closed when answer returns.
func newReceiver(t *testing.T, answer func(conn *net.TCPConn)) *receiver {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	r := &receiver{url: "http://" + l.Addr().String(), addr: l.Addr().String()}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			r.connections.Add(1)
			go func() {
				defer conn.Close()
				if readRequest(bufio.NewReader(conn)) == nil {
					answer(conn.(*net.TCPConn))
				}
			}()
		}
	}()
	return r
}

func readRequest(in *bufio.Reader) error {
	req, err := http.ReadRequest(in)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, req.Body)
	return err
}

// says is an answer in full, after which the connection is closed.
func says(answer string) func(*net.TCPConn) {
	return func(conn *net.TCPConn) { io.WriteString(conn, answer) }
}

// repeats writes first, then part over and over until the client has had enough.
func repeats(first, part string) func(*net.TCPConn) {
	return func(conn *net.TCPConn) {
		_, err := io.WriteString(conn, first)
		for err == nil {
			_, err = io.WriteString(conn, part)
		}
	}
}

// drips is repeats with a millisecond before each part.
func drips(first, part string) func(*net.TCPConn) {
	return func(conn *net.TCPConn) {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		_, err := io.WriteString(conn, first)
		for err == nil {
			<-tick.C
			_, err = io.WriteString(conn, part)
		}
	}
}

// resetsAfter writes what it is given and resets the connection.
func resetsAfter(answer string) func(*net.TCPConn) {
	return func(conn *net.TCPConn) {
		io.WriteString(conn, answer)
		conn.SetLinger(0)
	}
}

// hangsAfter says something and then nothing more, until the client closes the connection.
func hangsAfter(answer string) func(*net.TCPConn) {
	return func(conn *net.TCPConn) {
		io.WriteString(conn, answer)
		io.Copy(io.Discard, conn)
	}
}

// serve starts a server that speaks proper HTTP and counts its connections.
func serve(t *testing.T, h http.HandlerFunc) (url string, connections *atomic.Int64) {
	t.Helper()
	connections = new(atomic.Int64)
	s := httptest.NewUnstartedServer(h)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s.URL, connections
}

// serveTLS starts a server with the given options, and returns it with a pool that trusts its certificate.
func serveTLS(t *testing.T, h http.HandlerFunc, configure func(*httptest.Server)) (*httptest.Server, *x509.CertPool) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	if configure != nil {
		configure(s)
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return s, pool
}

func ok(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }
