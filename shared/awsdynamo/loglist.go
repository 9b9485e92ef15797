package awsdynamo

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"hermod/shared/delivery"
)

const (
	// listedAtOnce is how many entries of the index list are read of each shard.
	listedAtOnce = 100
	// fewRows is how many rows are read together at least.
	fewRows = 25
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

// takes reports whether a row is one that the query asks for.
func takes(q delivery.Query, d delivery.Delivery) bool {
	return d.Project == q.Project && d.State == q.State &&
		(q.Workflow == "" || q.Workflow == d.Workflow) &&
		(q.Job == "" || q.Job == d.Job) &&
		(q.Event == "" || q.Event == d.Event) &&
		(q.Class == "" || q.Class == d.LastClass)
}
