package awsdynamo

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"hermod/shared/job"
)

const (
	// keysBetween are the items of a partition between two sort keys.
	keysBetween = "pk = :pk AND sk BETWEEN :low AND :high"
	// ifChunkBefore is the condition of a chunk that is written again.
	ifChunkBefore = "v = :before"
	// highestASCII is above every character of the name of a page but itself, which none has.
	highestASCII = "\x7f"
)

// Inputs keeps the inputs of jobs. It is a job.Inputs.
type Inputs struct{ db *DB }

// Inputs returns the side of the table that keeps inputs of jobs.
func (db *DB) Inputs() *Inputs { return &Inputs{db} }

// PutPage writes a page over whatever there was under its name.
func (s *Inputs) PutPage(ctx context.Context, r job.Ref, p job.Page) error {
	if err := s.db.put(ctx, s.pageItem(r, p), "", nil); err != nil {
		return fmt.Errorf("write %s page %s of job %s: %w", p.Kind, p.Name, r.Job, err)
	}
	return nil
}

// PutNewPage writes a page if there is none of its kind and name.
func (s *Inputs) PutNewPage(ctx context.Context, r job.Ref, p job.Page) error {
	err := s.db.put(ctx, s.pageItem(r, p), ifNone, nil)
	if _, exists := refused(err); exists {
		err = job.ErrPageExists
	}
	if err != nil {
		return fmt.Errorf("write new %s page %s of job %s: %w", p.Kind, p.Name, r.Job, err)
	}
	return nil
}

// Pages reads the pages of these names.
func (s *Inputs) Pages(ctx context.Context, r job.Ref, kind job.PageKind, names ...string) ([]job.Page, error) {
	var keys []key
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		if name != "" { // which no key can be
			keys = append(keys, pageKey(r.Job, kind, name))
		}
	}
	found, err := s.db.getAll(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("read %s pages of job %s: %w", kind, r.Job, err)
	}
	pages := make([]job.Page, len(found))
	for n, i := range found {
		if pages[n], err = decodePage(kind, i); err != nil {
			return nil, fmt.Errorf("read %s pages of job %s: %w", kind, r.Job, err)
		}
	}
	return pages, nil
}

// LastPage reads the page with the highest name that begins with prefix and is not above name.
func (s *Inputs) LastPage(ctx context.Context, r job.Ref, kind job.PageKind, prefix, name string) (p job.Page, ok bool, err error) {
	low, high := max(prefix, lowest), min(name, prefix+highestASCII)
	if low > high {
		return job.Page{}, false, nil
	}
	q := betweenKeys(pageKey(r.Job, kind, low), high)
	q.ScanIndexForward, q.Limit = aws.Bool(false), aws.Int32(1)
	failed := s.db.query(ctx, q, func(i item) bool {
		p, err = decodePage(kind, i)
		ok = err == nil
		return false
	})
	if failed != nil {
		err = failed
	}
	if err != nil {
		return job.Page{}, false, fmt.Errorf("read last %s page of job %s: %w", kind, r.Job, err)
	}
	return p, ok, nil
}

// PutChunk writes a chunk over the version before it.
func (s *Inputs) PutChunk(ctx context.Context, r job.Ref, c job.Chunk) error {
	condition, values := ifChunkBefore, item{":before": number(int64(c.Version) - 1)}
	if c.Version == 1 {
		condition, values = ifNone, nil
	}
	err := s.db.put(ctx, s.chunkItem(r, c), condition, values)
	if _, lost := refused(err); lost {
		err = job.ErrChunkStale
	}
	if err != nil {
		return fmt.Errorf("write chunk %d of job %s: %w", c.Number, r.Job, err)
	}
	return nil
}

// Chunks reads the chunks with numbers in [from, to), in their order.
func (s *Inputs) Chunks(ctx context.Context, r job.Ref, from, to int) ([]job.Chunk, error) {
	if from >= to {
		return nil, nil
	}
	list, err := queryAll(ctx, s.db, betweenKeys(chunkKey(r.Job, from), chunkKey(r.Job, to-1).sk), decodeChunk)
	if err != nil {
		return nil, fmt.Errorf("read chunks of job %s: %w", r.Job, err)
	}
	return list, nil
}

// betweenKeys reads, as of the last write that returned, the items from a key on up to a sort key of its partition.
func betweenKeys(k key, high string) dynamodb.QueryInput {
	return dynamodb.QueryInput{
		KeyConditionExpression:    aws.String(keysBetween),
		ExpressionAttributeValues: item{":pk": text(k.pk), ":low": text(k.sk), ":high": text(high)}, ConsistentRead: aws.Bool(true),
	}
}

// pageItem is a page as it is kept, until its job is gone for sure.
func (s *Inputs) pageItem(r job.Ref, p job.Page) item {
	i := pageKey(r.Job, p.Kind, p.Name).item()
	i["f"] = number(format)
	i.setOctets("doc", p.Doc)
	i.setExpiry(s.inputsEnd(r))
	return i
}

func decodePage(kind job.PageKind, i item) (job.Page, error) {
	return job.Page{Kind: kind, Name: i.text("sk"), Doc: i.octets("doc")}, i.readable()
}

// chunkItem is a chunk as it is kept. Its project is for who reads the stream.
func (s *Inputs) chunkItem(r job.Ref, c job.Chunk) item {
	i := chunkKey(r.Job, c.Number).item()
	i["f"], i["pid"], i["v"] = number(format), text(r.Project), number(int64(c.Version))
	i.setOctets("doc", c.Doc)
	i.setExpiry(s.inputsEnd(r))
	return i
}

func decodeChunk(i item) (c job.Chunk, err error) {
	if err := i.readable(); err != nil {
		return c, err
	}
	c = job.Chunk{Version: i.int("v"), Doc: i.octets("doc")}
	if _, err := fmt.Sscanf(i.text("sk"), "C#%d", &c.Number); err != nil {
		return c, fmt.Errorf("chunk %s %s: %w", i.text("pk"), i.text("sk"), err)
	}
	return c, nil
}
