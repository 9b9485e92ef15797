package awsdynamo

import (
	"errors"
	"testing"

	"hermod/shared/job"
)

// Whoever settles jobs reads the job and its project from the record of a chunk.
func TestAChunkTellsWhoseItIs(t *testing.T) {
	c := newClock()
	db := open(t, c.now)
	r := aRef(c)
	must(t, db.Inputs().PutChunk(t.Context(), r, job.Chunk{Number: 12, Version: 1, Doc: []byte{0, 1, 2}}), "PutChunk")
	i, err := db.get(t.Context(), key{"J#" + r.Job + "#I", "C#000012"})
	must(t, err, "get")
	got, err := DecodeChange(nil, image(t, i))
	if err != nil || got.Job != r.Job || got.Project != r.Project {
		t.Errorf("DecodeChange of a chunk = %+v, %v, want job and project of %+v", got, err, r)
	}
	must(t, db.Inputs().PutPage(t.Context(), r, job.Page{Kind: job.ResultPage, Name: "C#000012", Doc: []byte("page")}), "PutPage")
	i, err = db.get(t.Context(), key{"J#" + r.Job + "#R", "C#000012"})
	must(t, err, "get")
	if got, err := DecodeChange(nil, image(t, i)); err != nil || got.Job != "" {
		t.Errorf("DecodeChange of a page = %+v, %v, want nothing to settle", got, err)
	}
}

func TestInputsOfALaterFormatAreNotRead(t *testing.T) {
	c := newClock()
	db := open(t, c.now)
	r := aRef(c)
	must(t, db.Inputs().PutPage(t.Context(), r, job.Page{Kind: job.DataPage, Name: "a"}), "PutPage")
	must(t, db.Inputs().PutChunk(t.Context(), r, job.Chunk{Version: 1}), "PutChunk")
	for _, k := range []key{pageKey(r.Job, job.DataPage, "a"), chunkKey(r.Job, 0)} {
		must(t, db.update(t.Context(), k, "SET f = :f", "", item{":f": number(format + 1)}), "update")
	}
	for doing, err := range map[string]error{
		"Pages":    second(db.Inputs().Pages(t.Context(), r, job.DataPage, "a")),
		"LastPage": third(db.Inputs().LastPage(t.Context(), r, job.DataPage, "", "b")),
		"Chunks":   second(db.Inputs().Chunks(t.Context(), r, 0, 1)),
	} {
		if !errors.Is(err, errFormat) || IsUnavailable(err) {
			t.Errorf("%s = %v, want errFormat, which a repeat does not change", doing, err)
		}
	}
}

func TestManyLargePagesAreReadWhole(t *testing.T) {
	c, f := newClock(), newFaults()
	db := open(t, c.now, f.between)
	r := aRef(c)
	names := []string{"a", "b", "c", "d", "a"}
	for _, name := range names[:4] {
		must(t, db.Inputs().PutPage(t.Context(), r, job.Page{Kind: job.DataPage, Name: name, Doc: make([]byte, job.MaxPage)}), "PutPage")
	}
	f.then("BatchGetItem", partly(1), partly(2))
	pages, err := db.Inputs().Pages(t.Context(), r, job.DataPage, names...)
	size := 0
	for _, p := range pages {
		size += len(p.Doc)
	}
	if err != nil || len(pages) != 4 || size != 4*job.MaxPage {
		t.Errorf("Pages = %d pages of %d bytes, %v, want four that are whole", len(pages), size, err)
	}
}

// A job that the first release launched says nothing of inputs.
func TestAJobThatNeverHeardOfInputsGetsSome(t *testing.T) {
	c := newClock()
	db := open(t, c.now)
	j := aJob(c)
	old := jobItem(j)
	for _, name := range []string{"tt", "tc", "list_pk", "list_sk"} {
		delete(old, name)
	}
	old["cn"] = text("")
	must(t, db.put(t.Context(), old, "", nil), "put")
	wantJob(t, db, j)
	must(t, db.Jobs().Extend(t.Context(), j.Project, j.UID, 0, 0, false), "Extend")
	must(t, db.Jobs().Extend(t.Context(), j.Project, j.UID, 0, 5, false), "Extend")
	must(t, db.Jobs().Extend(t.Context(), j.Project, j.UID, 5, 9, true), "Extend")
	j.Inputs, j.Closed = 9, true
	must(t, db.Jobs().SetTotals(t.Context(), j.Project, j.UID, job.Totals{Running: 1}), "SetTotals")
	wantJob(t, db, j)
	early := changed(t, j, c)
	j.Totals = job.Totals{Running: 1, Clock: 1}
	must(t, db.Jobs().SetTotals(t.Context(), j.Project, j.UID, j.Totals), "SetTotals")
	if err := db.Jobs().Update(t.Context(), early); !errors.Is(err, job.ErrStale) {
		t.Errorf("Update with totals of before = %v, want ErrStale", err)
	}
	j = changed(t, j, c)
	must(t, db.Jobs().Update(t.Context(), j), "Update")
	wantJob(t, db, j)
}

func TestAChunkOfADamagedNumberIsAnError(t *testing.T) {
	_, err := decodeChunk(item{"pk": text("J#j#I"), "sk": text("C#x"), "v": number(1)})
	if err == nil || IsUnavailable(err) {
		t.Errorf("decodeChunk of no number = %v, want an error that is no outage", err)
	}
}
