package egress

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/webhook"
)

// attacks is a test for each of the corpus's receiver_attacks.
var attacks = map[string]func(*testing.T){
	"redirect (301, 302, 303, 307, 308) to a forbidden address":                      testRedirects,
	"name that resolves to a public address first and a private one at connect time": testRebinding,
	"name with one public and one private address":                                   testMixedAddresses,
	"body that never ends, one byte a second":                                        testDrippingBody,
	"headers that never end":                                                         testEndlessHeader,
	"gzip body that expands a thousandfold":                                          testGzipBomb,
	"10 MB response body":                                                            testLargeBody,
	"connection accepted, never answered":                                            testHanging,
	"TLS certificate for another name, expired, self-signed":                         testCertificates,
	"HTTP/1.0 answer, 1xx answers, garbage instead of HTTP":                          testOddAnswers,
	"connection reset in the middle of the body":                                     testResets,
	"Retry-After: 999999999, -1, a past date, garbage":                               testRetryAfter,
}

// ssrf is the corpus that package webhook tests its rules with.
type ssrf struct {
	ForbiddenAddresses []string `json:"forbidden_addresses"`
	AllowedAddresses   []string `json:"allowed_addresses"`
	ReceiverAttacks    []string `json:"receiver_attacks"`
}

func readSSRF(t *testing.T) ssrf {
	t.Helper()
	raw, err := os.ReadFile("../webhook/testdata/ssrf.json")
	if err != nil {
		t.Fatal(err)
	}
	var corpus ssrf
	if err := json.Unmarshal(raw, &corpus); err != nil {
		t.Fatal(err)
	}
	return corpus
}

func TestReceiverAttacks(t *testing.T) {
	list := readSSRF(t).ReceiverAttacks
	if len(list) != len(attacks) {
		t.Errorf("the corpus has %d attacks, tests are there for %d", len(list), len(attacks))
	}
	for _, name := range list {
		test, ok := attacks[name]
		if !ok {
			t.Errorf("no test for the attack %q", name)
			continue
		}
		t.Run(name, test)
	}
}

func TestEveryForbiddenAddressIsBlockedWhenANameLeadsThere(t *testing.T) {
	corpus := readSSRF(t)
	if len(corpus.ForbiddenAddresses) == 0 {
		t.Fatal("the corpus has no forbidden addresses")
	}
	dns := &fakeDNS{}
	c := newClient(t, Config{Resolver: dns.resolver()})
	sixes := hasIPv6()
	for _, a := range corpus.ForbiddenAddresses {
		if !sixes && netip.MustParseAddr(a).Unmap().Is6() {
			t.Logf("%s not tried: there is no IPv6 here", a)
			continue
		}
		dns.set("receiver.example", a)
		if res := post(t, c, "https://receiver.example/", long); res.Class != delivery.ClassBlocked {
			t.Errorf("POST to a name with the address %s: class %q (%s), want blocked", a, res.Class, res.Error)
		}
	}
	for _, a := range corpus.AllowedAddresses {
		if err := c.control("tcp", netip.AddrPortFrom(netip.MustParseAddr(a), 443).String(), nil); err != nil {
			t.Errorf("control(%s) = %v, want nil", a, err)
		}
	}
}

func hasIPv6() bool {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		return false
	}
	l.Close()
	return true
}

func TestForbiddenAddressesAndPortsInURLsAreBlocked(t *testing.T) {
	c := newClient(t, Config{})
	for _, u := range []string{"https://127.0.0.1/", "https://[::1]:8443/", "https://localhost/", "https://example.com:22/"} {
		if res := post(t, c, u, long); res.Class != delivery.ClassBlocked {
			t.Errorf("POST %s: class %q (%s), want blocked", u, res.Class, res.Error)
		}
	}
}

func testRedirects(t *testing.T) {
	var followed atomic.Int64
	inside, _ := serve(t, func(http.ResponseWriter, *http.Request) { followed.Add(1) })
	for _, status := range []int{301, 302, 303, 307, 308} {
		url, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", inside)
			w.WriteHeader(status)
		})
		res := post(t, newClient(t, Config{Rules: lenient}), url, long)
		if res.Status != status || res.Class != delivery.ClassStatus || !strings.Contains(res.Error, "not followed") {
			t.Errorf("POST answered %d: status %d, class %q (%s), want the status and its class", status, res.Status, res.Class, res.Error)
		}
	}
	if n := followed.Load(); n != 0 {
		t.Errorf("%d redirects were followed, want none", n)
	}
}

func testRebinding(t *testing.T) {
	inside := newReceiver(t, says("HTTP/1.1 200 OK\r\n\r\n"))
	dns := &fakeDNS{}
	resolver := dns.resolver()
	dns.set("receiver.example", "93.184.216.34")
	addrs, err := resolver.LookupNetIP(context.Background(), "ip", "receiver.example")
	if err != nil || len(addrs) != 1 || webhook.Forbidden(addrs[0]) {
		t.Fatalf("the first look-up gave %v, %v, want a public address", addrs, err)
	}

	dns.set("receiver.example", "127.0.0.1")
	c := newClient(t, Config{Rules: lenient, Resolver: resolver})
	c.judge = strictOnAnyPort
	_, port, _ := net.SplitHostPort(inside.addr)
	if res := post(t, c, "http://receiver.example:"+port, long); res.Class != delivery.ClassBlocked {
		t.Errorf("class %q (%s), want blocked", res.Class, res.Error)
	}
	if n := inside.connections.Load(); n != 0 {
		t.Errorf("%d connections were made to the private address, want none", n)
	}
}

// strictOnAnyPort judges an address as strict rules do, but not its port: a test cannot listen on port 443.
func strictOnAnyPort(addr netip.AddrPort) error {
	return webhook.Rules{}.CheckAddr(netip.AddrPortFrom(addr.Addr(), 443))
}

// 127.0.0.2 stands for the public address: there is none that a test may connect to.
func testMixedAddresses(t *testing.T) {
	inside := newReceiver(t, says("HTTP/1.1 200 OK\r\n\r\n"))
	_, port, _ := net.SplitHostPort(inside.addr)
	l, err := net.Listen("tcp", "127.0.0.2:"+port)
	if err != nil {
		t.Skipf("there is no second loopback address here: %v", err)
	}
	outside := httptest.NewUnstartedServer(http.HandlerFunc(ok))
	outside.Listener.Close()
	outside.Listener = l
	outside.Start()
	t.Cleanup(outside.Close)

	dns := &fakeDNS{}
	c := newClient(t, Config{Rules: lenient, Resolver: dns.resolver()})
	c.judge = func(addr netip.AddrPort) error {
		if addr.Addr() == netip.MustParseAddr("127.0.0.2") {
			return nil
		}
		return strictOnAnyPort(addr)
	}
	for _, order := range [][]string{{"127.0.0.1", "127.0.0.2"}, {"127.0.0.2", "127.0.0.1"}} {
		dns.set("receiver.example", order...)
		if res := post(t, c, "http://receiver.example:"+port, long); res.Status != 200 {
			t.Errorf("addresses %v: status %d, class %q (%s), want 200 from the public one", order, res.Status, res.Class, res.Error)
		}
		c.Close()
	}
	outside.Close()
	if res := post(t, c, "http://receiver.example:"+port, long); res.Status != 0 {
		t.Errorf("public address gone: status %d, want no answer", res.Status)
	}
	if n := inside.connections.Load(); n != 0 {
		t.Errorf("%d connections were made to the private address, want none", n)
	}
}

func testDrippingBody(t *testing.T) {
	for _, tc := range []struct {
		status string
		want   delivery.ErrorClass
	}{
		{"200 OK", delivery.ClassNone},
		{"500 Oops", delivery.ClassStatus},
	} {
		r := newReceiver(t, drips("HTTP/1.1 "+tc.status+"\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"))
		c := newClient(t, Config{Rules: lenient})
		for range 2 {
			if res := post(t, c, r.url, short); res.Class != tc.want || len(res.Body) > keptBody {
				t.Errorf("%s and a dripping body: class %q (%s), %d bytes kept, want class %q", tc.status, res.Class, res.Error, len(res.Body), tc.want)
			}
		}
		if n := r.connections.Load(); n != 2 {
			t.Errorf("%s: two requests made %d connections, want 2: one with an unread body is not used again", tc.status, n)
		}
	}
	r := newReceiver(t, drips("HTTP/1.1 200 OK\r\nX-Long: ", "x"))
	if res := post(t, newClient(t, Config{Rules: lenient}), r.url, short); res.Class != delivery.ClassTimeout {
		t.Errorf("dripping header: class %q (%s), want timeout", res.Class, res.Error)
	}
}

func testEndlessHeader(t *testing.T) {
	for _, tc := range []struct {
		name   string
		answer func(*net.TCPConn)
		want   delivery.ErrorClass
	}{
		{"many fields", repeats("HTTP/1.1 200 OK\r\n", "X-More: and more\r\n"), delivery.ClassProtocol},
		{"one field", repeats("HTTP/1.1 200 OK\r\nX-Long: ", "and longer"), delivery.ClassProtocol},
		{"a status line", repeats("HTTP/1.1 200 O", "OOOOOOOO"), delivery.ClassProtocol},
		{"interim answers", repeats("", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"), delivery.ClassProtocol},
		{"just over 32 KB", says("HTTP/1.1 200 OK\r\nX-Long: " + strings.Repeat("x", 32<<10) + "\r\n\r\n"), delivery.ClassProtocol},
		{"just under 32 KB", says("HTTP/1.1 200 OK\r\nX-Long: " + strings.Repeat("x", 32<<10-100) + "\r\n\r\n"), delivery.ClassNone},
		{"trailers, after the status", repeats("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "X-More: and more\r\n"), delivery.ClassNone},
	} {
		res := post(t, newClient(t, Config{Rules: lenient}), newReceiver(t, tc.answer).url, long)
		if res.Class != tc.want || tc.want == delivery.ClassProtocol && !strings.Contains(res.Error, "32 KB") {
			t.Errorf("%s: class %q (%s), want %q", tc.name, res.Class, res.Error, tc.want)
		}
	}
}

func testGzipBomb(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	io.CopyN(z, zeros{}, 10<<20)
	z.Close()
	empty := bytes.Repeat(emptyGzip(), 4000)
	for name, body := range map[string][]byte{"10 MB of zeros": bomb.Bytes(), "members without content": empty, "cut off": bomb.Bytes()[:2000]} {
		url, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if got := r.Header.Get("Accept-Encoding"); got != "" {
				t.Errorf("Accept-Encoding = %q, want none", got)
			}
			w.Header().Set("Content-Encoding", "gzip")
			w.WriteHeader(500)
			w.Write(body)
		})
		res := post(t, newClient(t, Config{Rules: lenient}), url, long)
		if res.Class != delivery.ClassStatus || len(res.Body) > keptBody || len(bytes.Trim(res.Body, "\x00")) > 0 {
			t.Errorf("%s: class %q (%s), %d bytes kept, want status and at most 1 KB of zeros", name, res.Class, res.Error, len(res.Body))
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func emptyGzip() []byte {
	var b bytes.Buffer
	gzip.NewWriter(&b).Close()
	return b.Bytes()
}

func testLargeBody(t *testing.T) {
	for _, size := range []int64{10 << 20, 100 << 20} {
		for _, status := range []int{200, 500} {
			url, connections := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", fmt.Sprint(size))
				w.WriteHeader(status)
				io.CopyN(w, zeros{}, size)
			})
			c := newClient(t, Config{Rules: lenient})
			read := countReads(c)
			for range 2 {
				if res := post(t, c, url, long); res.Status != status || len(res.Body) != keptBody {
					t.Errorf("%d bytes after %d: status %d, class %q (%s), %d bytes kept, want 1 KB", size, status, res.Status, res.Class, res.Error, len(res.Body))
				}
			}
			if n, limit := read.Load(), int64(2*(maxBody+8<<10)); n > limit {
				t.Errorf("%d bytes were read for two answers, want at most %d", n, limit)
			}
			if n := connections.Load(); n != 2 {
				t.Errorf("two requests made %d connections, want 2: one with an unread body is not used again", n)
			}
		}
	}
}

// countReads counts what comes over the client's connections.
func countReads(c *Client) *atomic.Int64 {
	n := new(atomic.Int64)
	dial := c.transport.DialContext
	c.transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		return &countingConn{conn, n}, err
	}
	return n
}

type countingConn struct {
	net.Conn
	read *atomic.Int64
}

func (c *countingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.read.Add(int64(n))
	return n, err
}

func testHanging(t *testing.T) {
	for name, answer := range map[string]string{"nothing": "", "a status line": "HTTP/1.1 200 OK\r\n", "an interim answer": "HTTP/1.1 103 Early Hints\r\n\r\n"} {
		res := post(t, newClient(t, Config{Rules: lenient}), newReceiver(t, hangsAfter(answer)).url, short)
		if res.Class != delivery.ClassTimeout || res.Status != 0 {
			t.Errorf("%s and then silence: status %d, class %q (%s), want timeout", name, res.Status, res.Class, res.Error)
		}
	}
	// Nobody accepts here, so the handshake that the client begins is never answered.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := newClient(t, Config{Rules: lenient})
	if res := post(t, c, "https://"+l.Addr().String(), short); res.Class != delivery.ClassTimeout || res.Timing.TLS == 0 {
		t.Errorf("no handshake before the deadline: class %q (%s), TLS %v, want timeout in TLS", res.Class, res.Error, res.Timing.TLS)
	}
	c.transport.TLSHandshakeTimeout = short
	if res := post(t, c, "https://"+l.Addr().String(), long); res.Class != delivery.ClassTLS || !strings.Contains(res.Error, "within 3 s") {
		t.Errorf("no handshake before its own time-out: class %q (%s), want tls", res.Class, res.Error)
	}
}

func testCertificates(t *testing.T) {
	good, pool := serveTLS(t, ok, nil)
	expired, expiredPool := serveTLS(t, ok, func(s *httptest.Server) {
		s.TLS = &tls.Config{Certificates: []tls.Certificate{expiredCertificate(t)}}
	})
	plain, _ := serve(t, ok)
	dns := &fakeDNS{}
	dns.set("other.test", "127.0.0.1")
	_, port, _ := net.SplitHostPort(good.Listener.Addr().String())
	for _, tc := range []struct {
		name, url string
		roots     *x509.CertPool
		want      delivery.ErrorClass
		says      string
	}{
		{"a good certificate", good.URL, pool, delivery.ClassNone, ""},
		{"a certificate for another name", "https://other.test:" + port, pool, delivery.ClassTLS, "another name"},
		{"a certificate signed by nobody we know", good.URL, x509.NewCertPool(), delivery.ClassTLS, "nobody who is trusted"},
		{"a certificate signed by nobody the system knows", good.URL, nil, delivery.ClassTLS, "nobody who is trusted"},
		{"an expired certificate", expired.URL, expiredPool, delivery.ClassTLS, "expired"},
		{"TLS asked of a server without it", "https" + strings.TrimPrefix(plain, "http"), pool, delivery.ClassTLS, "does not speak TLS"},
	} {
		c := newClient(t, Config{Rules: lenient, RootCAs: tc.roots, Resolver: dns.resolver()})
		res := post(t, c, tc.url, long)
		if res.Class != tc.want || !strings.Contains(res.Error, tc.says) {
			t.Errorf("%s: class %q (%s), want %q and %q", tc.name, res.Class, res.Error, tc.want, tc.says)
		}
	}
}

// expiredCertificate is good in all but its time.
func expiredCertificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		NotBefore:             time.Now().Add(-2 * time.Hour),
		NotAfter:              time.Now().Add(-time.Hour),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func testOddAnswers(t *testing.T) {
	for _, tc := range []struct {
		name, answer string
		status       int
		want         delivery.ErrorClass
	}{
		{"HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nfine", 200, delivery.ClassNone},
		{"HTTP/1.0 without a reason", "HTTP/1.0 503\r\n\r\n", 503, delivery.ClassStatus},
		{"interim answers first", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", 200, delivery.ClassNone},
		{"an unknown status", "HTTP/1.1 799 What\r\n\r\n", 799, delivery.ClassStatus},
		{"a status below 100", "HTTP/1.1 042 What\r\n\r\n", 42, delivery.ClassProtocol},
		{"a body shorter than it claims", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", 200, delivery.ClassNone},
		{"a body badly chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 200, delivery.ClassNone},
		{"another protocol", "SSH-2.0-hunter2\r\n", 0, delivery.ClassProtocol},
		{"binary garbage", "\x00\x01\x02\xff\r\n\r\n", 0, delivery.ClassProtocol},
		{"garbage in the header", "HTTP/1.1 200 OK\r\nhunter2\r\n\r\n", 0, delivery.ClassProtocol},
		{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 0, delivery.ClassProtocol},
		{"nothing at all", "", 0, delivery.ClassReset},
		{"half a header", "HTTP/1.1 200 OK\r\nX-Half: ", 0, delivery.ClassReset},
	} {
		res := post(t, newClient(t, Config{Rules: lenient}), newReceiver(t, says(tc.answer)).url, long)
		if res.Status != tc.status || res.Class != tc.want {
			t.Errorf("%s: status %d, class %q (%s), want status %d, class %q", tc.name, res.Status, res.Class, res.Error, tc.status, tc.want)
		}
	}
}

// An answer of 101 hands the connection over, and with it the duty to end: reading on would last for ever.
func TestSwitchingProtocolsIsAnAnswerLikeAnyOther(t *testing.T) {
	closed := make(chan struct{})
	r := newReceiver(t, func(conn *net.TCPConn) {
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\nConnection: Upgrade\r\n\r\n")
		io.Copy(io.Discard, conn)
		close(closed)
	})
	if res := post(t, newClient(t, Config{Rules: lenient}), r.url, long); res.Status != 101 || res.Class != delivery.ClassStatus {
		t.Errorf("status %d, class %q (%s), want 101 and status", res.Status, res.Class, res.Error)
	}
	<-closed
}

func testResets(t *testing.T) {
	for _, tc := range []struct {
		name, answer string
		status       int
		want         delivery.ErrorClass
	}{
		{"before the answer", "", 0, delivery.ClassReset},
		{"in the header", "HTTP/1.1 200 OK\r\nX-Half: ", 0, delivery.ClassReset},
		{"in the body of a success", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", 200, delivery.ClassNone},
		{"in the body of a failure", "HTTP/1.1 500 Oops\r\nContent-Length: 100\r\n\r\nhalf", 500, delivery.ClassStatus},
	} {
		r := newReceiver(t, resetsAfter(tc.answer))
		c := newClient(t, Config{Rules: lenient})
		res := post(t, c, r.url, long)
		if res.Status != tc.status || res.Class != tc.want {
			t.Errorf("reset %s: status %d, class %q (%s), want status %d, class %q", tc.name, res.Status, res.Class, res.Error, tc.status, tc.want)
		}
	}
}

func testRetryAfter(t *testing.T) {
	for _, value := range []string{"999999999", "-1", "Mon, 02 Jan 2006 15:04:05 GMT", "soon, \"maybe\""} {
		url, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", value)
			w.WriteHeader(503)
		})
		res := post(t, newClient(t, Config{Rules: lenient}), url, long)
		if got := res.Header.Get("Retry-After"); res.Status != 503 || got != value {
			t.Errorf("Retry-After: %s came as %q with status %d, want it as it was with 503", value, got, res.Status)
		}
	}
}
