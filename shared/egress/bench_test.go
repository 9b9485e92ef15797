package egress_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"hermod/shared/delivery"
	"hermod/shared/egress"
	"hermod/shared/webhook"
)

var bench = webhook.Rules{AllowHTTP: true, AllowPrivate: true}

// benchHeader is about what a signed delivery carries.
func benchHeader() http.Header {
	return http.Header{
		"Content-Type":      {"application/json"},
		"User-Agent":        {"Hermod/1"},
		"Webhook-Id":        {"0197f3a0-0000-7000-8000-000000000000_0197f3a0-0000-7000-8000-000000000001"},
		"Webhook-Timestamp": {"1700000000"},
		"Webhook-Signature": {"v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="},
		"Hermod-Event":      {"job.succeeded"},
		"Hermod-Attempt":    {"1"},
		"Hermod-Sequence":   {"3"},
	}
}

func benchPost(b *testing.B, url string) {
	client := egress.New(egress.Config{Rules: bench})
	defer client.Close()
	body := []byte(strings.Repeat("x", 500))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			res := client.Post(context.Background(), egress.Request{URL: url, Header: benchHeader(), Body: body})
			if res.Class != delivery.ClassNone {
				b.Errorf("Post = %v: %s", res.Class, res.Error)
				return
			}
		}
	})
}

// One POST over a kept connection, with the receiver's share: net/http at both ends, in one process.
func BenchmarkPost(b *testing.B) {
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }))
	defer s.Close()
	benchPost(b, s.URL)
}

// The same against the least a receiver can do, which leaves the sender's share and the kernel's.
func BenchmarkPostToCannedAnswer(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go answerCanned(conn)
		}
	}()
	benchPost(b, "http://"+l.Addr().String())
}

// answerCanned takes each request that comes in one piece and answers with nothing.
func answerCanned(conn net.Conn) {
	defer conn.Close()
	in, answer := bufio.NewReader(conn), []byte("HTTP/1.1 204 No Content\r\n\r\n")
	for {
		if _, err := in.Peek(1); err != nil {
			return
		}
		in.Discard(in.Buffered())
		if _, err := conn.Write(answer); err != nil {
			return
		}
	}
}
