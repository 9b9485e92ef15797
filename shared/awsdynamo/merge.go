package awsdynamo

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"hermod/shared/uid"
)

const (
	// requestsAtOnce bounds how many partitions are read, or items written, at the same time.
	requestsAtOnce = 16
	// maxExamined is how many items a list looks at for one page, give or take what one look brings: a page is short, even empty,
	// where few of them are asked for.
	maxExamined = 1000
)

// lowest and highest enclose every uid, and every text that begins with one.
const (
	lowest  = " "
	highest = "~"
)

// merge makes one request to each of several partitions, all at once, and returns what they have in common order, that of sortKey;
// backward: the highest first. Where a partition has more, edge is how far the whole of it is known: what lies behind is not
// returned, and the next requests begin behind it. It is empty if there is no more anywhere. What has expired is left out.
func (db *DB) merge(ctx context.Context, sortKey string, backward bool, queries []dynamodb.QueryInput) (found []item, edge string, err error) {
	pages, err := db.pages(ctx, queries)
	if err != nil {
		return nil, "", err
	}
	order := func(a, b string) int {
		if backward {
			return strings.Compare(b, a)
		}
		return strings.Compare(a, b)
	}
	for _, p := range pages {
		if last := item(p.LastEvaluatedKey).text(sortKey); last != "" && (edge == "" || order(last, edge) < 0) {
			edge = last
		}
	}
	for _, p := range pages {
		for _, f := range p.Items {
			if i := item(f); !i.expired(db.now()) && (edge == "" || order(i.text(sortKey), edge) <= 0) {
				found = append(found, i)
			}
		}
	}
	slices.SortFunc(found, func(a, b item) int { return order(a.text(sortKey), b.text(sortKey)) })
	return found, edge, nil
}

// pages makes one request of each query.
func (db *DB) pages(ctx context.Context, queries []dynamodb.QueryInput) ([]*dynamodb.QueryOutput, error) {
	pages := make([]*dynamodb.QueryOutput, len(queries))
	err := together(len(queries), func(i int) (err error) {
		pages[i], err = db.page(ctx, &queries[i])
		return err
	})
	return pages, err
}

// together does something n times, some of it at the same time, and returns the first of its errors.
func together(n int, do func(i int) error) error {
	errs := make([]error, n)
	slots := make(chan struct{}, requestsAtOnce)
	var wg sync.WaitGroup
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			errs[i] = do(i)
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// below is a text below a position and above every other that a uid, or what begins with one, can be below it.
func below(position string) string {
	last := len(position) - 1
	return position[:last] + string(position[last]-1) + "~"
}

// lowestOf is the lowest uid of the first whole millisecond that is not before t.
func lowestOf(t time.Time) string { return uid.Min(t.Add(time.Millisecond - 1)) }

// beforeTime is a position, lowered to the uids of a time; empty if neither bounds.
func beforeTime(position string, until time.Time) string {
	if until.IsZero() || position != "" && position < lowestOf(until) {
		return position
	}
	return lowestOf(until)
}

// newestBelow is the time of the newest uids that may be below a position; latest is that of the newest there are.
func newestBelow(position string, latest time.Time) time.Time {
	if position == "" {
		return latest
	}
	at := uid.Time(position)
	if position <= uid.Min(at) {
		at = at.Add(-time.Millisecond)
	}
	if at.After(latest) {
		return latest
	}
	return at
}

// between are the texts that enclose the uids from a time on and below a position; none lies between them if low is above high. A
// zero time and an empty position do not bound.
func between(since time.Time, position string) (low, high string) {
	low, high = lowest, highest
	if !since.IsZero() {
		low = lowestOf(since)
	}
	if position != "" {
		high = below(position)
	}
	return low, high
}
