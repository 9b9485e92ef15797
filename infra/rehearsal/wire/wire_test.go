package wire_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"hermod/infra/rehearsal/wire"
)

func TestARequestLooksAsTheSDKsDo(t *testing.T) {
	var header http.Header
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header = r.Header
		body, _ = io.ReadAll(r.Body)
		io.WriteString(w, `{"MessageId":"m"}`)
	}))
	defer server.Close()
	c := wire.Client{Endpoint: server.URL, Identity: "ProbeFunction"}
	tests := []struct{ target, service, contentType string }{
		{"AmazonSQS.SendMessage", "sqs", "application/x-amz-json-1.0"},
		{"DynamoDB_20120810.GetItem", "dynamodb", "application/x-amz-json-1.0"},
		{"DynamoDBStreams_20120810.GetRecords", "dynamodb", "application/x-amz-json-1.0"},
		{"TrentService.Encrypt", "kms", "application/x-amz-json-1.1"},
	}
	for _, tt := range tests {
		var out struct{ MessageId string }
		if err := c.Call(t.Context(), tt.target, map[string]string{"a": "b"}, &out); err != nil || out.MessageId != "m" {
			t.Errorf("Call(%s) = %v, %v, want the answer", tt.target, out, err)
		}
		who := header.Get("Authorization")
		if !strings.HasPrefix(who, "AWS4-HMAC-SHA256 Credential=ProbeFunction/") || !strings.Contains(who, "/us-east-1/"+tt.service+"/aws4_request") {
			t.Errorf("Call(%s) is signed %q, want by ProbeFunction for %s", tt.target, who, tt.service)
		}
		if header.Get("X-Amz-Target") != tt.target || header.Get("Content-Type") != tt.contentType || header.Get("X-Amz-Date") == "" || string(body) != `{"a":"b"}` {
			t.Errorf("Call(%s) sends %v %s, want target, date and type %s", tt.target, header, body, tt.contentType)
		}
	}
}

func TestARefusalHasItsType(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no such queue"}`)
	}))
	defer server.Close()
	err := wire.Client{Endpoint: server.URL}.Call(context.Background(), "AmazonSQS.SendMessage", nil, nil)
	var refused *wire.Error
	if !errors.As(err, &refused) || refused.Type != "QueueDoesNotExist" || refused.Status != 400 || refused.Message != "no such queue" {
		t.Errorf("Call = %v, want 400 QueueDoesNotExist: no such queue", err)
	}
}
