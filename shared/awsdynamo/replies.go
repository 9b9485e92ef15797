package awsdynamo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"hermod/shared/access"
	"hermod/shared/uid"
)

// A name is free if its time is over or it was never used. A claim has a mark of its own, so that a repeat after a lost answer
// finds that it has the name already.
const (
	ifFree    = "attribute_not_exists(pk) OR til <= :now OR mark = :mark"
	ifClaimed = "attribute_exists(mark)"
)

// Begin claims a name for a request, or returns what the first request with that name was answered.
func (s *Access) Begin(ctx context.Context, name, request string, now time.Time) (*access.Reply, error) {
	mark := text(uid.New(now))
	i := replyItem(name, access.Reply{Request: request}, now.Add(access.ReplyLease))
	i["mark"] = mark
	err := s.db.put(ctx, i, ifFree, item{":now": moment(now), ":mark": mark})
	met, taken := refused(err)
	if !taken {
		if err != nil {
			err = fmt.Errorf("begin request: %w", err)
		}
		return nil, err
	}
	r, err := decodeReply(met)
	if err == nil && met["mark"] != nil {
		err = access.ErrInFlight
	}
	return &r, err
}

// Finish keeps the reply of a claim.
func (s *Access) Finish(ctx context.Context, name string, r access.Reply, now time.Time) error {
	if err := s.db.put(ctx, replyItem(name, r, now.Add(access.ReplyRetention)), "", nil); err != nil {
		return fmt.Errorf("keep reply: %w", err)
	}
	return nil
}

// Abandon gives a claim up. What was answered stays answered.
func (s *Access) Abandon(ctx context.Context, name string) error {
	condition := ifClaimed
	err := s.db.read(ctx, func() error {
		_, err := s.db.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName: s.db.table, Key: replyKey(name).item(), ConditionExpression: &condition,
		}, once)
		return err
	})
	if _, none := refused(err); none || err == nil {
		return nil
	}
	return fmt.Errorf("abandon request: %w", err)
}

// replyItem is a claim or a reply as it is kept: fingerprint of the request, status, header, sealed body, and until when it counts.
func replyItem(name string, r access.Reply, until time.Time) item {
	i := replyKey(name).item()
	i["f"], i["rq"], i["til"] = number(format), text(r.Request), moment(until)
	i.setInt("st", r.Status)
	i.setText("body", r.Sealed)
	if len(r.Header) > 0 {
		i.setJSON("hd", r.Header)
	}
	i.setExpiry(until)
	return i
}

func decodeReply(i item) (access.Reply, error) {
	r := access.Reply{Request: i.text("rq"), Status: i.int("st"), Sealed: i.text("body")}
	return r, errors.Join(i.readable(), i.json("hd", &r.Header))
}
