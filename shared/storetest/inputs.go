package storetest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"hermod/shared/job"
)

// inputsOf is one engine's side of job.Inputs, and of the jobs that the inputs belong to.
type inputsOf struct {
	job.Inputs
	jobs job.Store
}

// Inputs is the suite of job.Inputs. open also returns the side that keeps the jobs.
func Inputs(t *testing.T, open func(t *testing.T, now func() time.Time) (job.Store, job.Inputs)) {
	run(t, func(t *testing.T, now func() time.Time) inputsOf {
		jobs, inputs := open(t, now)
		return inputsOf{inputs, jobs}
	}, []test[inputsOf]{
		{"a page is read as it was written last", pageReadAsWritten},
		{"a page has up to its cap of any bytes", pageOfAnyBytes},
		{"a new page is written where there is none", pageNew},
		{"of many new pages at once one wins", pageNewRace},
		{"pages are read by their names, without those that do not exist", pagesByName},
		{"a page of another kind or job is another page", pageOfOthers},
		{"the last page is the highest of its prefix that is not above a name", pageLast},
		{"a chunk is read as it was written last", chunkReadAsWritten},
		{"a chunk needs the version before it", chunkNeedsVersion},
		{"of many first writes of a chunk one wins", chunkCreateRace},
		{"of many writes of a version one wins", chunkWriteRace},
		{"no write of a chunk is lost among many writers", chunkNoLostWrite},
		{"chunks are read in the order of their numbers", chunksInOrder},
		{"a chunk of another job is another chunk", chunkOfOthers},
		{"many writers of many chunks are in nobody's way", chunksAtOnce},
		{"pages are kept without a job", pagesKeptWithoutJob},
		{"pages and chunks are kept as long as their job", inputsKeptWithJob},
	})
}

func newRef(c *Clock) job.Ref { return job.Ref{Project: "p1", Job: newUID(c)} }

func putPage(t *testing.T, s inputsOf, r job.Ref, kind job.PageKind, name, doc string) job.Page {
	t.Helper()
	p := job.Page{Kind: kind, Name: name, Doc: []byte(doc)}
	must(t, s.PutPage(t.Context(), r, p), "PutPage %s", name)
	return p
}

func wantPages(t *testing.T, s inputsOf, r job.Ref, kind job.PageKind, names []string, want ...job.Page) {
	t.Helper()
	got, err := s.Pages(t.Context(), r, kind, names...)
	byName := func(a, b job.Page) int { return cmp.Compare(a.Name, b.Name) }
	slices.SortFunc(got, byName)
	slices.SortFunc(want, byName)
	if diff := same(want, got); err != nil || diff != "" {
		t.Errorf("Pages of %v = %v (-want +got):\n%s", names, err, diff)
	}
}

func wantLastPage(t *testing.T, s inputsOf, r job.Ref, prefix, name, want string) {
	t.Helper()
	got, ok, err := s.LastPage(t.Context(), r, job.DataPage, prefix, name)
	if err != nil || ok != (want != "") || got.Name != want {
		t.Errorf("LastPage of prefix %q up to %q = %q, %v, %v, want %q", prefix, name, got.Name, ok, err, want)
		return
	}
	if ok && (got.Kind != job.DataPage || string(got.Doc) != "doc of "+want) {
		t.Errorf("LastPage = kind %q, %q, want the data page as it was written", got.Kind, got.Doc)
	}
}

func wantChunks(t *testing.T, s inputsOf, r job.Ref, from, to int, want ...job.Chunk) {
	t.Helper()
	got, err := s.Chunks(t.Context(), r, from, to)
	if diff := same(want, got); err != nil || diff != "" {
		t.Errorf("Chunks [%d, %d) = %v (-want +got):\n%s", from, to, err, diff)
	}
}

// putChunk writes version 1 of a chunk.
func putChunk(t *testing.T, s inputsOf, r job.Ref, number int) job.Chunk {
	t.Helper()
	c := job.Chunk{Number: number, Version: 1, Doc: fmt.Appendf(nil, "chunk %d", number)}
	must(t, s.PutChunk(t.Context(), r, c), "PutChunk %d", number)
	return c
}

func pageReadAsWritten(t *testing.T, s inputsOf, c *Clock) {
	r := newRef(c)
	wantPages(t, s, r, job.DataPage, []string{"00000000"})
	for _, doc := range []string{"one", "a longer one", "", "2"} {
		p := putPage(t, s, r, job.DataPage, "00000000", doc)
		wantPages(t, s, r, job.DataPage, []string{"00000000"}, p)
	}
}

func pageOfAnyBytes(t *testing.T, s inputsOf, c *Clock) {
	r := newRef(c)
	all := make([]byte, job.MaxPage)
	for i := range all {
		all[i] = byte(i * 31 / 7)
	}
	for i, doc := range [][]byte{all, bytes.Repeat([]byte{0}, job.MaxPage), bytes.Repeat([]byte{0xff}, 100), nil} {
		overwritten := putPage(t, s, r, job.ResultPage, fmt.Sprint("over ", i), string(doc))
		p := job.Page{Kind: job.ResultPage, Name: fmt.Sprint("new ", i), Doc: doc}
		must(t, s.PutNewPage(t.Context(), r, p), "PutNewPage of %d bytes", len(doc))
		wantPages(t, s, r, job.ResultPage, []string{p.Name, overwritten.Name}, p, overwritten)
	}
}

func pageNew(t *testing.T, s inputsOf, c *Clock) {
	r := newRef(c)
	p := job.Page{Kind: job.DataPage, Name: "n", Doc: []byte("first")}
	must(t, s.PutNewPage(t.Context(), r, p), "PutNewPage")
	for _, doc := range []string{"second", "first"} {
		again := job.Page{Kind: job.DataPage, Name: "n", Doc: []byte(doc)}
		if err := s.PutNewPage(t.Context(), r, again); !errors.Is(err, job.ErrPageExists) {
			t.Errorf("PutNewPage of a page that there is = %v, want ErrPageExists", err)
		}
	}
	wantPages(t, s, r, job.DataPage, []string{"n"}, p)
	over := putPage(t, s, r, job.DataPage, "n", "third")
	wantPages(t, s, r, job.DataPage, []string{"n"}, over)
}

func pageNewRace(t *testing.T, s inputsOf, c *Clock) {
	r := newRef(c)
	page := func(i int) job.Page { return job.Page{Kind: job.DataPage, Name: "n", Doc: fmt.Append(nil, i)} }
	won := winner(t, job.ErrPageExists, atOnce(writers, func(i int) error { return s.PutNewPage(t.Context(), r, page(i)) }))
	wantPages(t, s, r, job.DataPage, []string{"n"}, page(won))
}

func pagesByName(t *testing.T, s inputsOf, c *Clock) {
	r := newRef(c)
	var names []string
	var all []job.Page
	for i := range 100 {
		name := fmt.Sprintf("%08d", i*7)
		names = append(names, name)
		if i%3 > 0 {
			all = append(all, putPage(t, s, r, job.DataPage, name, fmt.Sprint("page ", i)))
		}
	}
	wantPages(t, s, r, job.DataPage, names, all...)
	wantPages(t, s, r, job.DataPage, []string{"00000007", "0000000", "000000070", ""}, all[0])
	wantPages(t, s, r, job.DataPage, nil)
}

func pageOfOthers(t *testing.T, s inputsOf, c *Clock) {
	r, other := newRef(c), newRef(c)
	data := putPage(t, s, r, job.DataPage, "n", "data")
	wantPages(t, s, r, job.ResultPage, []string{"n"})
	wantPages(t, s, other, job.DataPage, []string{"n"})
	if p, ok, err := s.LastPage(t.Context(), other, job.DataPage, "", "~"); ok || err != nil {
		t.Errorf("LastPage of a job without pages = %+v, %v, %v, want none", p, ok, err)
	}
	if p, ok, err := s.LastPage(t.Context(), r, job.ResultPage, "", "~"); ok || err != nil {
		t.Errorf("LastPage of a kind without pages = %+v, %v, %v, want none", p, ok, err)
	}
	must(t, s.PutNewPage(t.Context(), r, job.Page{Kind: job.ResultPage, Name: "n", Doc: []byte("result")}), "PutNewPage of another kind")
	must(t, s.PutNewPage(t.Context(), other, job.Page{Kind: job.DataPage, Name: "n", Doc: []byte("other")}), "PutNewPage of another job")
	wantPages(t, s, r, job.DataPage, []string{"n"}, data)
}

func pageLast(t *testing.T, s inputsOf, c *Clock) {
	r := newRef(c)
	wantLastPage(t, s, r, "", "~", "")
	for _, name := range []string{"B/01", "a/0", "a/00000000", "a/00000500", "a/00001000", "a0", "a", "b/00000250", "~"} {
		putPage(t, s, r, job.DataPage, name, "doc of "+name)
	}
	putPage(t, s, newRef(c), job.DataPage, "a/00000750", "another job's")
	putPage(t, s, r, job.ResultPage, "a/00000750", "another kind's")
	for _, test := range []struct{ prefix, name, want string }{
		{"a/", "a/00000000", "a/00000000"},
		{"a/", "a/00000499", "a/00000000"},
		{"a/", "a/00000500", "a/00000500"},
		{"a/", "a/00000999", "a/00000500"},
		{"a/", "a/99999999", "a/00001000"},
		{"a/", "a/~", "a/00001000"},
		{"a/", "~", "a/00001000"},
		{"a/", "b/00000250", "a/00001000"},
		{"a/00000500", "~", "a/00000500"},
		{"a", "~", "a0"},
		{"a", "a", "a"},
		{"a/", "a/", ""},
		{"a/", "a", ""},
		{"a/", "A", ""},
		{"b/", "b/00000249", ""},
		{"c/", "~", ""},
		{"B/", "a", "B/01"},
		{"", "~", "~"},
		{"", "b", "a0"},
		{"", "", ""},
	} {
		wantLastPage(t, s, r, test.prefix, test.name, test.want)
	}
}

func chunkReadAsWritten(t *testing.T, s inputsOf, c *Clock) {
	r := newRef(c)
	wantChunks(t, s, r, 0, 200)
	chunk := job.Chunk{Number: 3}
	for _, doc := range []string{"\x00one\xff", "", string(bytes.Repeat([]byte{7, 0}, 20_000)), "2"} {
		chunk.Version++
		chunk.Doc = []byte(doc)
		must(t, s.PutChunk(t.Context(), r, chunk), "PutChunk of version %d", chunk.Version)
		wantChunks(t, s, r, 0, 200, chunk)
	}
}

func chunkNeedsVersion(t *testing.T, s inputsOf, c *Clock) {
	r := newRef(c)
	refused := func(stored int, versions ...int) {
		t.Helper()
		for _, version := range versions {
			if err := s.PutChunk(t.Context(), r, job.Chunk{Number: 1, Version: version, Doc: []byte("no")}); !errors.Is(err, job.ErrChunkStale) {
				t.Errorf("PutChunk of version %d over version %d (0: none) = %v, want ErrChunkStale", version, stored, err)
			}
		}
	}
	refused(0, 2, 3)
	chunk := putChunk(t, s, r, 1)
	refused(1, 1, 3)
	chunk.Version = 2
	must(t, s.PutChunk(t.Context(), r, chunk), "PutChunk of version 2")
	refused(2, 1, 2, 4)
	wantChunks(t, s, r, 0, 10, chunk)
}

func chunkCreateRace(t *testing.T, s inputsOf, c *Clock) { raceForChunk(t, s, newRef(c), 1) }

func chunkWriteRace(t *testing.T, s inputsOf, c *Clock) {
	r := newRef(c)
	for version := range 4 {
		raceForChunk(t, s, r, version+1)
	}
}

func raceForChunk(t *testing.T, s inputsOf, r job.Ref, version int) {
	t.Helper()
	chunk := func(i int) job.Chunk { return job.Chunk{Number: 2, Version: version, Doc: fmt.Append(nil, i)} }
	won := winner(t, job.ErrChunkStale, atOnce(writers, func(i int) error { return s.PutChunk(t.Context(), r, chunk(i)) }))
	wantChunks(t, s, r, 0, 200, chunk(won))
}

// Every writer adds its letter to the document once, however often it has to try.
func chunkNoLostWrite(t *testing.T, s inputsOf, c *Clock) {
	const each = 16
	r := newRef(c)
	for _, err := range atOnce(each, func(i int) error {
		for {
			chunk := job.Chunk{Number: 5}
			list, err := s.Chunks(t.Context(), r, 5, 6)
			if err != nil {
				return err
			}
			if len(list) == 1 {
				chunk = list[0]
			}
			chunk.Version++
			chunk.Doc = append(slices.Clone(chunk.Doc), byte('a'+i))
			if err = s.PutChunk(t.Context(), r, chunk); !errors.Is(err, job.ErrChunkStale) {
				return err
			}
		}
	}) {
		must(t, err, "add to the chunk")
	}
	got, err := s.Chunks(t.Context(), r, 0, 10)
	must(t, err, "Chunks")
	if len(got) != 1 || got[0].Version != each || len(got[0].Doc) != each {
		t.Errorf("Chunks = %+v, want one chunk of version %d with %d letters", got, each, each)
	}
}

func chunksInOrder(t *testing.T, s inputsOf, c *Clock) {
	r := newRef(c)
	var all []job.Chunk
	for _, n := range []int{7, 199, 0, 20, 100, 9, 10, 2, 110, 11, 99, 1} {
		all = append(all, putChunk(t, s, r, n))
	}
	slices.SortFunc(all, func(a, b job.Chunk) int { return cmp.Compare(a.Number, b.Number) })
	for _, span := range [][2]int{{0, 200}, {0, 199}, {1, 200}, {2, 11}, {9, 101}, {10, 11}, {12, 20}, {7, 7}, {20, 10}, {150, 1000}} {
		var want []job.Chunk
		for _, chunk := range all {
			if span[0] <= chunk.Number && chunk.Number < span[1] {
				want = append(want, chunk)
			}
		}
		wantChunks(t, s, r, span[0], span[1], want...)
	}
}

func chunkOfOthers(t *testing.T, s inputsOf, c *Clock) {
	r, other := newRef(c), newRef(c)
	chunk := putChunk(t, s, r, 0)
	wantChunks(t, s, other, 0, 200)
	if err := s.PutChunk(t.Context(), other, job.Chunk{Number: 0, Version: 2}); !errors.Is(err, job.ErrChunkStale) {
		t.Errorf("PutChunk of version 2 for a job without chunks = %v, want ErrChunkStale", err)
	}
	putChunk(t, s, other, 0)
	wantChunks(t, s, r, 0, 200, chunk)
}

func chunksAtOnce(t *testing.T, s inputsOf, c *Clock) {
	r := newRef(c)
	var want []job.Chunk
	for n := range writers {
		want = append(want, job.Chunk{Number: n, Version: 3, Doc: fmt.Append(nil, n)})
	}
	for n, err := range atOnce(writers, func(n int) error {
		for version := range 3 {
			if err := s.PutChunk(t.Context(), r, job.Chunk{Number: n, Version: version + 1, Doc: want[n].Doc}); err != nil {
				return err
			}
		}
		return nil
	}) {
		must(t, err, "PutChunk %d, three versions", n)
	}
	wantChunks(t, s, r, 0, 200, want...)
}

func pagesKeptWithoutJob(t *testing.T, s inputsOf, c *Clock) {
	r := newRef(c)
	p := putPage(t, s, r, job.DataPage, "n", "page")
	c.Advance(job.Retention - time.Hour)
	wantPages(t, s, r, job.DataPage, []string{"n"}, p)
}

// What is kept with a job outlives every change of it, by as long as the job does.
func inputsKeptWithJob(t *testing.T, s inputsOf, c *Clock) {
	j := newJob("p1", c)
	r := job.Ref{Project: j.Project, Job: j.UID}
	data := putPage(t, s, r, job.DataPage, "n", "data")
	must(t, s.jobs.Create(t.Context(), j), "Create")
	var results []job.Page
	var chunks []job.Chunk
	for n := range 4 {
		results = append(results, putPage(t, s, r, job.ResultPage, fmt.Sprint(n), "result"))
		chunks = append(chunks, putChunk(t, s, r, n))
		c.Advance(job.Retention - time.Hour)
		wantPages(t, s, r, job.DataPage, []string{"n"}, data)
		wantPages(t, s, r, job.ResultPage, []string{"0", "1", "2", "3"}, results...)
		wantChunks(t, s, r, 0, 200, chunks...)
		j = moved(j, c.Now())
		must(t, s.jobs.Update(t.Context(), j), "Update to version %d", j.Version)
	}
	c.Advance(job.Retention - time.Hour)
	wantPages(t, s, r, job.DataPage, []string{"n"}, data)
	wantPages(t, s, r, job.ResultPage, []string{"0", "1", "2", "3"}, results...)
	wantChunks(t, s, r, 0, 200, chunks...)
}
