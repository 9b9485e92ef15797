package awsdynamo

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"hermod/shared/delivery"
)

const (
	// listedAtOnce is how many entries of the index list are read of each shard.
	listedAtOnce = 100
	// fewRows is how many rows are read together at least.
	fewRows = 25
	// countedPages is how many pages of a list are read to count what is in it: of some 10,000 rows.
	countedPages = 10
)

// listedBetween are the entries of a shard between two uids.
const listedBetween = "list_pk = :list AND list_sk BETWEEN :low AND :high"

// List lists rows of the project in one state. The index says which they may be; it lags behind, so each row is read and must be
// what is asked for. A position is the uid of the last entry looked at.
func (s *Log) List(ctx context.Context, q delivery.Query) (page []delivery.Delivery, next string, err error) {
	next = beforeTime(q.Before, q.Until)
	for examined := 0; examined < maxExamined; {
		entries, edge, err := s.listed(ctx, q, next)
		if err != nil {
			return nil, "", fmt.Errorf("list deliveries: %w", err)
		}
		examined += len(entries)
		for uids := uidsOf(entries, q.Webhook); len(uids) > 0; {
			n := min(len(uids), batchRead, max(q.Limit-len(page), fewRows))
			if page, err = s.addListed(ctx, page, q, uids[:n]); err != nil {
				return nil, "", fmt.Errorf("list deliveries: %w", err)
			}
			if len(page) == q.Limit {
				return page, page[len(page)-1].UID.String(), nil
			}
			uids = uids[n:]
		}
		if next = edge; edge == "" {
			return page, "", nil
		}
	}
	return page, next, nil
}

// listed returns the next entries of the index, below a position.
func (s *Log) listed(ctx context.Context, q delivery.Query, before string) (entries []item, edge string, err error) {
	low, high := between(q.Since, before)
	if low > high {
		return nil, "", nil
	}
	queries := make([]dynamodb.QueryInput, listShards)
	for shard := range queries {
		queries[shard] = listQuery(listPartition(q.Project, string(q.State), shard), low, high)
	}
	return s.db.merge(ctx, "list_sk", true, queries)
}

// uidsOf returns the uids of entries, of those for one webhook if it is given.
func uidsOf(entries []item, hook string) (uids []delivery.UID) {
	for _, i := range entries {
		u, ok := parseUID(i.text("list_sk"))
		if ok && (hook == "" || hook == u.Webhook) {
			uids = append(uids, u)
		}
	}
	return uids
}

// listQuery reads a partition of the index list, newest first.
func listQuery(partition, low, high string) dynamodb.QueryInput {
	return dynamodb.QueryInput{
		IndexName: aws.String(listIndex), KeyConditionExpression: aws.String(listedBetween),
		ExpressionAttributeValues: item{":list": text(partition), ":low": text(low), ":high": text(high)},
		ScanIndexForward:          aws.Bool(false), Limit: aws.Int32(listedAtOnce),
	}
}

// addListed adds those of the deliveries to a page whose rows are what is asked for, as many as it may have.
func (s *Log) addListed(ctx context.Context, page []delivery.Delivery, q delivery.Query, uids []delivery.UID) ([]delivery.Delivery, error) {
	list, err := s.Rows(ctx, uids...)
	if err != nil {
		return nil, err
	}
	rows := make(map[delivery.UID]delivery.Delivery, len(list))
	for _, d := range list {
		rows[d.UID] = d
	}
	for _, u := range uids {
		if d, ok := rows[u]; ok && takes(q, d) && len(page) < q.Limit {
			page = append(page, d)
		}
	}
	return page, nil
}

// Count counts rows of the project in one state. Narrowed by nothing but time, it reads the index alone; else it has to read the rows, of
// so many entries at most.
func (s *Log) Count(ctx context.Context, q delivery.Query, most int) (n int, more bool, err error) {
	q.Before, q.Limit = "", 0
	if q == (delivery.Query{Project: q.Project, State: q.State, Since: q.Since, Until: q.Until}) {
		n, err = s.countEntries(ctx, q, most+1)
	} else {
		n, more, err = s.countRows(ctx, q, most+1)
	}
	if err != nil {
		return 0, false, fmt.Errorf("count deliveries: %w", err)
	}
	return min(n, most), more || n > most, nil
}

// countEntries reads all shards at once, and of each no more than its part of what is still missing: what is read at most is one entry
// for each shard more than is counted.
func (s *Log) countEntries(ctx context.Context, q delivery.Query, most int) (n int, err error) {
	low, high := between(q.Since, beforeTime("", q.Until))
	if low > high {
		return 0, nil
	}
	shards := make([]dynamodb.QueryInput, listShards)
	for shard := range shards {
		shards[shard] = countQuery(listPartition(q.Project, string(q.State), shard), low, high)
	}
	for n < most && len(shards) > 0 {
		part := int32((most-n)/len(shards) + 1)
		for i := range shards {
			shards[i].Limit = &part
		}
		pages, err := s.db.pages(ctx, shards)
		if err != nil {
			return 0, err
		}
		var more []dynamodb.QueryInput
		for i, p := range pages {
			n += int(p.Count)
			if shards[i].ExclusiveStartKey = p.LastEvaluatedKey; len(p.LastEvaluatedKey) > 0 {
				more = append(more, shards[i])
			}
		}
		shards = more
	}
	return n, nil
}

// countRows lists them, a few pages at most. more says that there are others.
func (s *Log) countRows(ctx context.Context, q delivery.Query, most int) (n int, more bool, err error) {
	for range countedPages {
		q.Limit = min(most-n, maxExamined)
		page, next, err := s.List(ctx, q)
		if err != nil {
			return 0, false, err
		}
		if n, q.Before = n+len(page), next; next == "" || n == most {
			return n, next != "", nil
		}
	}
	return n, true, nil
}

// countQuery counts what a partition of the index list has between two uids.
func countQuery(partition, low, high string) dynamodb.QueryInput {
	return dynamodb.QueryInput{
		IndexName: aws.String(listIndex), KeyConditionExpression: aws.String(listedBetween),
		ExpressionAttributeValues: item{":list": text(partition), ":low": text(low), ":high": text(high)}, Select: types.SelectCount,
	}
}

// takes reports whether a row is one that the query asks for.
func takes(q delivery.Query, d delivery.Delivery) bool {
	return d.Project == q.Project && d.State == q.State &&
		(q.Workflow == "" || q.Workflow == d.Workflow) &&
		(q.Job == "" || q.Job == d.Job) &&
		(q.Event == "" || q.Event == d.Event) &&
		(q.Class == "" || q.Class == d.LastClass) &&
		(!q.NoTests || !d.Test)
}
