package egress

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hermod/shared/delivery"
)

// net/http logs what a receiver sends without being asked, which some do here on purpose.
func TestMain(m *testing.M) {
	log.SetOutput(io.Discard)
	os.Exit(m.Run())
}

func TestRequestIsSentAsItIs(t *testing.T) {
	var got *http.Request
	var body []byte
	url, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
	})
	sent := http.Header{"User-Agent": {"Hermod/1"}, "Webhook-Id": {"e_w"}, "Content-Type": {"application/json"}}
	res := newClient(t, Config{Rules: lenient}).Post(context.Background(), Request{URL: url + "/hook?a=b%20c", Header: sent, Body: []byte(`{"a":1}`)})
	if res.Status != 200 || res.Class != delivery.ClassNone || res.Error != "" {
		t.Fatalf("Post = %d, class %q (%s), want 200", res.Status, res.Class, res.Error)
	}
	if got.Method != "POST" || got.RequestURI != "/hook?a=b%20c" || got.Proto != "HTTP/1.1" || string(body) != `{"a":1}` {
		t.Errorf("the receiver got %s %s %s with the body %q", got.Method, got.RequestURI, got.Proto, body)
	}
	want := http.Header{"User-Agent": {"Hermod/1"}, "Webhook-Id": {"e_w"}, "Content-Type": {"application/json"}, "Content-Length": {"7"}}
	if fmt.Sprint(got.Header) != fmt.Sprint(want) {
		t.Errorf("the receiver got the header %v, want %v and nothing more", got.Header, want)
	}
}

func TestTheFirstKilobyteOfAnAnswerIsKept(t *testing.T) {
	for _, size := range []int{0, 1, 1023, 1024, 1025, 5000, 16 << 10} {
		for _, chunked := range []bool{false, true} {
			answer := strings.Repeat("a", size)
			url, connections := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if !chunked {
					w.Header().Set("Content-Length", fmt.Sprint(size))
				}
				w.WriteHeader(400)
				http.NewResponseController(w).Flush()
				io.WriteString(w, answer)
			})
			c := newClient(t, Config{Rules: lenient})
			for range 3 {
				res := post(t, c, url, long)
				if want := answer[:min(size, 1024)]; res.Status != 400 || string(res.Body) != want || res.Error != "the answer was 400 Bad Request" {
					t.Errorf("%d bytes, chunked %t: status %d (%s), %d bytes kept, want %d", size, chunked, res.Status, res.Error, len(res.Body), len(want))
				}
			}
			if n := connections.Load(); n != 1 && size < 16<<10 {
				t.Errorf("%d bytes, chunked %t: three requests made %d connections, want 1", size, chunked, n)
			}
		}
	}
}

func TestNoProxyIsTakenFromTheEnvironment(t *testing.T) {
	proxy, proxied := serve(t, ok)
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"} {
		t.Setenv(name, proxy)
	}
	direct, _ := serve(t, ok)
	dns := &fakeDNS{}
	dns.set("receiver.test", "127.0.0.1") // a name: proxies are never used for loopback addresses
	c := newClient(t, Config{Rules: lenient, Resolver: dns.resolver()})
	res := post(t, c, strings.Replace(direct, "127.0.0.1", "receiver.test", 1), long)
	if res.Status != 200 || proxied.Load() != 0 {
		t.Errorf("status %d (%s), %d connections to the proxy, want 200 and none", res.Status, res.Error, proxied.Load())
	}
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	const atOnce = 40
	var barrier atomic.Pointer[sync.WaitGroup]
	url, connections := serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		barrier.Load().Done()
		barrier.Load().Wait()
		io.WriteString(w, "thank you")
	})
	c := newClient(t, Config{Rules: lenient, IdleTimeout: time.Minute})
	for range 5 {
		together := new(sync.WaitGroup)
		together.Add(atOnce)
		barrier.Store(together)
		var wave sync.WaitGroup
		for range atOnce {
			wave.Go(func() {
				if res := post(t, c, url, long); res.Status != 200 {
					t.Errorf("status %d (%s), want 200", res.Status, res.Error)
				}
			})
		}
		wave.Wait()
	}
	if n := connections.Load(); n != atOnce {
		t.Errorf("five waves of %d requests made %d connections, want %d", atOnce, n, atOnce)
	}
}

func TestTimingsAreOfTheConnectionThatWasMade(t *testing.T) {
	s, pool := serveTLS(t, ok, nil)
	dns := &fakeDNS{}
	dns.set("example.com", "127.0.0.1") // a name that the server's certificate has
	c := newClient(t, Config{Rules: lenient, RootCAs: pool, Resolver: dns.resolver()})
	url := strings.Replace(s.URL, "127.0.0.1", "example.com", 1)

	res := post(t, c, url, long)
	if tm := res.Timing; res.Status != 200 || tm.DNS <= 0 || tm.Connect <= 0 || tm.TLS <= 0 || tm.FirstByte < tm.DNS+tm.Connect+tm.TLS || res.Duration < tm.FirstByte {
		t.Errorf("first request: status %d (%s), %+v of %v, want all phases, in order", res.Status, res.Error, tm, res.Duration)
	}
	res = post(t, c, url, long)
	if tm := res.Timing; res.Status != 200 || tm.DNS != 0 || tm.Connect != 0 || tm.TLS != 0 || tm.FirstByte <= 0 {
		t.Errorf("second request: status %d (%s), %+v, want a first byte and no other phase", res.Status, res.Error, tm)
	}
}

func TestTLSSessionsAreResumed(t *testing.T) {
	var resumed []bool
	s, pool := serveTLS(t, func(w http.ResponseWriter, r *http.Request) { resumed = append(resumed, r.TLS.DidResume) }, nil)
	c := newClient(t, Config{Rules: lenient, RootCAs: pool})
	for range 2 {
		if res := post(t, c, s.URL, long); res.Status != 200 {
			t.Fatalf("status %d (%s), want 200", res.Status, res.Error)
		}
		c.Close()
	}
	if fmt.Sprint(resumed) != "[false true]" {
		t.Errorf("sessions of two connections are resumed: %v, want [false true]", resumed)
	}
}

// net/http repeats a request with such a header when the connection ends before an answer, in the belief that it may.
func TestARequestThatMayHaveArrivedIsNotRepeated(t *testing.T) {
	for _, name := range []string{"Idempotency-Key", "X-Idempotency-Key", "idempotency-key", "Other"} {
		var requests atomic.Int64
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				go func() { // answers the first request of the connection and breaks off at the second
					defer conn.Close()
					in := bufio.NewReader(conn)
					for readRequest(in) == nil {
						if requests.Add(1)%2 == 0 {
							return
						}
						io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
					}
				}()
			}
		}()
		c := newClient(t, Config{Rules: lenient})
		req := Request{URL: "http://" + l.Addr().String(), Header: http.Header{name: {"k"}}, Body: []byte("{}")}
		first, second := c.Post(context.Background(), req), c.Post(context.Background(), req)
		if first.Status != 200 || second.Class != delivery.ClassReset || requests.Load() != 2 {
			t.Errorf("%s: first %d, second class %q (%s), %d requests arrived, want 200, reset and 2", name, first.Status, second.Class, second.Error, requests.Load())
		}
		if req.Header[name] == nil || len(req.Header) != 1 {
			t.Errorf("%s: the caller's header became %v", name, req.Header)
		}
	}
}

func TestFailuresBeforeAnAnswer(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	dns := &fakeDNS{}
	dns.set("empty.test")
	for _, tc := range []struct {
		name string
		req  Request
		want delivery.ErrorClass
		says string
	}{
		{"nobody listens", Request{URL: "http://" + gone.Addr().String()}, delivery.ClassConnect, "refused"},
		{"no such name", Request{URL: "http://missing.test/"}, delivery.ClassDNS, "no address"},
		{"a name without addresses", Request{URL: "http://empty.test/"}, delivery.ClassDNS, "no address"},
		{"no URL", Request{}, delivery.ClassConfig, "absolute"},
		{"a URL with a fragment", Request{URL: "http://example.com/#x"}, delivery.ClassConfig, "fragment"},
		{"a header value with a line break", Request{URL: "http://127.0.0.1/", Header: http.Header{"A": {"b\r\nC: d"}}}, delivery.ClassConfig, "header"},
		{"a header name with a space", Request{URL: "http://127.0.0.1/", Header: http.Header{"A b": {"c"}}}, delivery.ClassConfig, "header"},
	} {
		c := newClient(t, Config{Rules: lenient, Resolver: dns.resolver()})
		res := c.Post(context.Background(), tc.req)
		if res.Status != 0 || res.Class != tc.want || !strings.Contains(res.Error, tc.says) {
			t.Errorf("%s: status %d, class %q (%s), want %q and %q", tc.name, res.Status, res.Class, res.Error, tc.want, tc.says)
		}
	}
}

func TestACallerThatGivesUpIsATimeout(t *testing.T) {
	arrived := make(chan struct{})
	r := newReceiver(t, func(conn *net.TCPConn) {
		close(arrived)
		io.Copy(io.Discard, conn)
	})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-arrived
		cancel()
	}()
	res := newClient(t, Config{Rules: lenient}).Post(ctx, Request{URL: r.url})
	if res.Class != delivery.ClassTimeout || !strings.Contains(res.Error, "given up") {
		t.Errorf("class %q (%s), want timeout", res.Class, res.Error)
	}
}

// The handshake succeeds, as the receiver's complaint about a missing certificate comes after it.
func TestAReceiverThatAsksForACertificateIsATLSFailure(t *testing.T) {
	s, pool := serveTLS(t, ok, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		tls.Server(conn, &tls.Config{Certificates: s.TLS.Certificates, ClientAuth: tls.RequireAnyClientCert}).Handshake()
		io.Copy(io.Discard, conn)
	}()
	res := post(t, newClient(t, Config{Rules: lenient, RootCAs: pool}), "https://"+l.Addr().String(), long)
	if res.Class != delivery.ClassTLS {
		t.Errorf("class %q (%s), want tls", res.Class, res.Error)
	}
}

func TestNothingIsLeftOfManyRequestsThatHang(t *testing.T) {
	const many = 300
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	before := runtime.NumGoroutine()
	c := New(Config{Rules: lenient})
	var all sync.WaitGroup
	for range many {
		all.Go(func() {
			if res := post(t, c, s.URL, short); res.Class == delivery.ClassNone {
				t.Errorf("status %d, want a time-out", res.Status)
			}
		})
	}
	all.Wait()
	c.Close()

	tick, late := time.NewTicker(time.Millisecond), time.After(long)
	defer tick.Stop()
	for runtime.NumGoroutine() > before {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("%d goroutines are left of %d before", runtime.NumGoroutine(), before)
		}
	}
	s.Close()
}

// Whatever a receiver sends, Post comes back with a result that agrees with itself.
func FuzzAnswer(f *testing.F) {
	for _, answer := range []string{
		"", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.0 503\r\n\r\nbusy",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nx",
		"HTTP/1.1 500 Oops\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "SSH-2.0-x\r\n",
		"HTTP/1.1 400 No\r\nContent-Encoding: gzip\r\n\r\n" + string(emptyGzip()),
	} {
		f.Add([]byte(answer))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		c := New(Config{Rules: lenient})
		defer c.Close()
		c.transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
			client, server := net.Pipe()
			go func() {
				defer server.Close()
				if readRequest(bufio.NewReader(server)) == nil {
					server.Write(answer)
				}
			}()
			return client, nil
		}
		res := post(t, c, "http://receiver.test", long)
		if delivered := res.Class == delivery.ClassNone; delivered != (res.Status/100 == 2) || delivered != (res.Error == "") {
			t.Errorf("status %d has class %q and error %q", res.Status, res.Class, res.Error)
		}
		if res.Class == delivery.ClassTimeout || len(res.Body) > keptBody {
			t.Errorf("class %q, %d bytes kept, want an end before the deadline and at most 1 KB", res.Class, len(res.Body))
		}
	})
}
