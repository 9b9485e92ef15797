package egress

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
)

// readBody reads on until the body ends, 16 KB have come or the deadline passes, and closes it: a connection whose answer was
// read to its end is kept for the next request, any other is closed. It returns the first 1 KB. That more was to come is no
// error; the status has said what there was to say.
func readBody(resp *http.Response) []byte {
	defer resp.Body.Close()
	if resp.StatusCode < http.StatusOK {
		return nil // 101: what follows is no body but another protocol, and no deadline would end reading it
	}
	packed := strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip")
	room := keptBody
	if packed {
		room = 4 * keptBody // what 1 KB can come packed in, its tables included
	}
	if resp.ContentLength >= 0 {
		room = int(min(int64(room), resp.ContentLength))
	}
	head := make([]byte, room)
	n, err := io.ReadFull(resp.Body, head)
	if err == nil {
		io.CopyN(io.Discard, resp.Body, int64(maxBody-n))
	}
	if packed {
		return unpack(head[:n])
	}
	return head[:n]
}

// unpack returns the first 1 KB of what is packed in b. As b is short, so is the work, whatever b claims to contain.
func unpack(b []byte) []byte {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return b[:min(len(b), keptBody)]
	}
	plain := make([]byte, keptBody)
	n, _ := io.ReadFull(z, plain)
	return plain[:n]
}
