// Package awssqstest gives tests the lanes on an SQS, or on what stands in for one: queues of their own, as the template makes
// them.
package awssqstest

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"hermod/shared/awssqs"
	"hermod/shared/delivery"
	"hermod/shared/uid"
)

// Open makes new queues at the endpoint, and returns them as lanes. They are deleted when the test is over.
func Open(t testing.TB, endpoint string, transport http.RoundTripper) *awssqs.Queue {
	t.Helper()
	client := Client(endpoint, transport)
	return awssqs.New(awssqs.Config{Client: client, URLs: CreateQueues(t, client)})
}

// Client returns a client of the endpoint, with credentials that mean nothing.
func Client(endpoint string, transport http.RoundTripper) *sqs.Client {
	return sqs.New(sqs.Options{
		Region: "us-east-1", BaseEndpoint: &endpoint, HTTPClient: &http.Client{Transport: transport},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	})
}

// CreateQueues makes a queue for each lane, under new names, and returns their URLs. They are deleted when the test is over.
func CreateQueues(t testing.TB, client *sqs.Client) map[delivery.Lane]string {
	t.Helper()
	prefix, urls := "t-"+uid.New(time.Now())+"-", map[delivery.Lane]string{}
	for _, lane := range []delivery.Lane{delivery.LaneDead, delivery.LaneStuck, delivery.LaneFirst, delivery.LaneRetry, delivery.LaneOps} {
		attributes := map[string]string{
			string(types.QueueAttributeNameVisibilityTimeout):      strconv.Itoa(int(delivery.Visibility.Seconds())),
			string(types.QueueAttributeNameMessageRetentionPeriod): strconv.Itoa(int(delivery.LetterRetention.Seconds())),
		}
		if letters := lane.Letters(); letters != "" {
			attributes[string(types.QueueAttributeNameRedrivePolicy)] = redrivePolicy(t, client, urls[letters])
		}
		out, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(prefix + string(lane)), Attributes: attributes})
		if err != nil {
			t.Fatalf("create the queue of %s: %v", lane, err)
		}
		urls[lane] = *out.QueueUrl
		t.Cleanup(func() {
			if _, err := client.DeleteQueue(context.Background(), &sqs.DeleteQueueInput{QueueUrl: out.QueueUrl}); err != nil {
				t.Errorf("delete the queue of %s: %v", lane, err)
			}
		})
	}
	return urls
}

func redrivePolicy(t testing.TB, client *sqs.Client, letters string) string {
	t.Helper()
	out, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: &letters, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn},
	})
	if err != nil {
		t.Fatalf("ask for the ARN of %s: %v", letters, err)
	}
	policy, err := json.Marshal(map[string]any{
		"deadLetterTargetArn": out.Attributes[string(types.QueueAttributeNameQueueArn)], "maxReceiveCount": delivery.MaxReceives,
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(policy)
}
