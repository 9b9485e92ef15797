// Package meter counts what AWS would bill for the requests that pass by, and prices it.
//
// It sits between an SDK and an engine as an http.RoundTripper. Capacity units of DynamoDB are computed here, from the sizes of
// the items before and after each request, and compared with what the engine says it consumed; a difference is remembered with
// the request. For that it reads items through the same engine before and after a write, and holds back other writes to the same
// items meanwhile, so it slows the engine down and must see every write. Requests to SQS and KMS are counted as they pass; what
// does not pass by (invocations, API requests, log lines) is told by whoever hosts the functions.
//
// What a request means for the bill follows the Amazon DynamoDB Developer Guide, "DynamoDB read and write operations" and "DynamoDB
// item sizes and formats", and the pricing pages named in prices.go.
package meter
