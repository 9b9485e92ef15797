package egress

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
)

// fakeDNS answers with the addresses that it has been given for a name, and that there is no such name for all others.
type fakeDNS struct {
	mu    sync.Mutex
	names map[string][]netip.Addr
}

func (d *fakeDNS) set(name string, addrs ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.names == nil {
		d.names = map[string][]netip.Addr{}
	}
	d.names[name] = nil
	for _, a := range addrs {
		d.names[name] = append(d.names[name], netip.MustParseAddr(a))
	}
}

func (d *fakeDNS) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go d.serve(server)
		return client, nil
	}}
}

// serve speaks DNS over a stream: each message behind its length in two bytes (RFC 1035, section 4.2.2).
func (d *fakeDNS) serve(conn net.Conn) {
	defer conn.Close()
	for {
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(conn, query); err != nil {
			return
		}
		answer := d.answer(query)
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
			return
		}
	}
}

// answer repeats the question, then one record for each address of the type that was asked for (RFC 1035, section 4.1).
func (d *fakeDNS) answer(query []byte) []byte {
	const header, typeA, typeAAAA, notFound = 12, 1, 28, 3
	var labels []string
	at := header
	for query[at] != 0 {
		end := at + 1 + int(query[at])
		labels = append(labels, string(query[at+1:end]))
		at = end
	}
	question := query[header : at+5]
	asked := binary.BigEndian.Uint16(query[at+1:])

	d.mu.Lock()
	addrs, known := d.names[strings.Join(labels, ".")]
	d.mu.Unlock()
	var records []byte
	count := 0
	for _, a := range addrs {
		kind := uint16(typeAAAA)
		if a.Is4() {
			kind = typeA
		}
		if kind != asked {
			continue
		}
		count++
		records = append(records, 0xc0, header) // the name is the one at this offset
		records = binary.BigEndian.AppendUint16(records, kind)
		records = append(records, 0, 1, 0, 0, 0, 0) // class IN, time to live 0
		records = binary.BigEndian.AppendUint16(records, uint16(len(a.AsSlice())))
		records = append(records, a.AsSlice()...)
	}
	flags := uint16(0x8180) // an answer, recursion wanted and available
	if !known {
		flags |= notFound
	}
	out := append([]byte{}, query[:2]...)
	out = binary.BigEndian.AppendUint16(out, flags)
	for _, n := range []int{1, count, 0, 0} {
		out = binary.BigEndian.AppendUint16(out, uint16(n))
	}
	return append(append(out, question...), records...)
}
