package awsdynamo

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"hermod/shared/job"
	"hermod/shared/uid"
)

// What belongs to a job is kept for longer.
const (
	setExpiry     = "SET #ttl = :ttl"
	ifEarlier     = "#ttl < :ttl"
	wholeOf       = "pk = :pk"
	keysAndExpiry = "pk, sk, #ttl"
)

// belongingsEnd is when what belongs to a job expires, if the job was changed last, or this was written, at the given time. It counts in
// whole retentions since the job's uid was made, so that most changes leave it as it is, and is later than the job's own end.
func belongingsEnd(jobUID string, at time.Time) time.Time {
	made := uid.Time(jobUID)
	if made.IsZero() {
		made = time.Unix(0, 0)
	}
	return made.Add((at.Sub(made)/job.Retention + 2) * job.Retention)
}

// inputsEnd is belongingsEnd for what is written of a job's inputs now. While it is written, the job may change at a later time.
func (s *Inputs) inputsEnd(r job.Ref) time.Time {
	return belongingsEnd(r.Job, s.db.now().Add(skew))
}

// keepBelongings moves the ends of configuration, inputs and entry in the workflow's list before a change of the job that could outlive
// them. That is once in a job's retention at most. What was moved before a fault is not moved again.
func (s *Jobs) keepBelongings(ctx context.Context, j job.Job) error {
	until := belongingsEnd(j.UID, j.UpdatedAt)
	if n := len(j.Changes); n > 1 && belongingsEnd(j.UID, j.Changes[n-2].At).Equal(until) {
		return nil
	}
	end := item{}
	end.setExpiry(until)
	values := item{":ttl": end["ttl"]}
	keys, err := s.belongings(ctx, j, values)
	if err != nil {
		return err
	}
	return together(len(keys), func(i int) error {
		err := s.db.read(ctx, func() error { return s.db.update(ctx, keys[i], setExpiry, ifEarlier, values) })
		if _, later := refused(err); later {
			return nil
		}
		return err
	})
}

// belongings are the keys of what belongs to a job; of its inputs, of what ends before the time in values.
func (s *Jobs) belongings(ctx context.Context, j job.Job, values item) (keys []key, err error) {
	if len(j.Configuration) > 0 {
		keys = append(keys, configurationKey(j.UID))
	}
	if j.Workflow != "" {
		keys = append(keys, flowEntryKey(j.Workflow, j.UID))
	}
	for _, k := range []key{pageKey(j.UID, job.DataPage, ""), pageKey(j.UID, job.ResultPage, ""), chunkKey(j.UID, 0)} {
		err := s.db.query(ctx, dynamodb.QueryInput{
			KeyConditionExpression: aws.String(wholeOf), FilterExpression: aws.String(ifEarlier), ProjectionExpression: aws.String(keysAndExpiry),
			ExpressionAttributeNames: namesIn(ifEarlier), ExpressionAttributeValues: item{":pk": text(k.pk), ":ttl": values[":ttl"]},
			ConsistentRead: aws.Bool(true),
		}, func(i item) bool {
			keys = append(keys, key{i.text("pk"), i.text("sk")})
			return true
		})
		if err != nil {
			return nil, err
		}
	}
	return keys, nil
}
