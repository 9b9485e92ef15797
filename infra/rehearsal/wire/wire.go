// Package wire makes requests of DynamoDB, SQS and KMS as the AWS SDK would write them, in the name of whoever it is told. The
// hosts of a rehearsal use it, which are no program of ours on AWS and so have no part in the SDK.
package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"hermod/infra/template"
)

// Client makes requests. It is safe for concurrent use.
type Client struct {
	Endpoint string // URL
	Identity string // access key id
}

// Error is a refusal.
type Error struct {
	Target  string
	Status  int
	Type    string // without the name of the service's model
	Message string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s: %d %s: %s", e.Target, e.Status, e.Type, e.Message)
}

// client has no time limit: what a long poll took is lost with it.
var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute}}

// Call makes a request, whose target is AmazonSQS.SendMessage or the like, and decodes the answer into out (nil: ignored).
func (c Client) Call(ctx context.Context, target string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("%s: %w", target, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Endpoint+"/", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s: %w", target, err)
	}
	req.Header.Set("Content-Type", contentType(target))
	req.Header.Set("X-Amz-Target", target)
	now := time.Now().UTC()
	req.Header.Set("X-Amz-Date", now.Format("20060102T150405Z"))
	req.Header.Set("Authorization", c.authorization(target, now))
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("%s: %w", target, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("%s: %w", target, err)
	}
	if res.StatusCode != http.StatusOK {
		return refusal(target, res.StatusCode, answer)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("%s: %w", target, err)
	}
	return nil
}

func refusal(target string, status int, answer []byte) error {
	var said struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	json.Unmarshal(answer, &said) // what is no JSON has no type
	return &Error{Target: target, Status: status, Type: said.Type[strings.LastIndex(said.Type, "#")+1:], Message: said.Message}
}

func contentType(target string) string {
	if strings.HasPrefix(target, "TrentService.") {
		return "application/x-amz-json-1.1"
	}
	return "application/x-amz-json-1.0"
}

// authorization names the identity as Signature Version 4 does. Nobody here checks the signature.
func (c Client) authorization(target string, now time.Time) string {
	service := map[string]string{"AmazonSQS": "sqs", "TrentService": "kms"}[strings.Split(target, ".")[0]]
	if service == "" {
		service = "dynamodb"
	}
	return fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s/%s/%s/aws4_request, SignedHeaders=host;x-amz-date, Signature=%064d",
		c.Identity, now.Format("20060102"), template.Region, service, 0)
}
