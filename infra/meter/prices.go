package meter

// apiChunk is what a request to an HTTP API may carry for its price; more counts as more requests.
const apiChunk = 512 << 10

// prices are list prices in USD, N. Virginia (us-east-1), without free tiers and discounts. infra/README.md tells when each was looked up.
var prices = struct {
	writeUnit, readUnit     float64
	sqsRequest, sqsFair     float64
	invocation, gigabyteSec float64
	apiRequest              float64
	kmsRequest              float64
	logByte                 float64
}{
	writeUnit:   0.625 / 1e6,      // aws.amazon.com/dynamodb/pricing/on-demand: per million write request units
	readUnit:    0.125 / 1e6,      // same page: per million read request units. Lambda's reads of a stream are free
	sqsRequest:  0.40 / 1e6,       // aws.amazon.com/sqs/pricing: per million requests to standard queues
	sqsFair:     0.10 / 1e6,       // on top in fair queues: here for each request that sends a message with a group
	invocation:  0.20 / 1e6,       // aws.amazon.com/lambda/pricing: per million requests
	gigabyteSec: 0.0000133334,     // same page: per GB-second on Arm
	apiRequest:  1.00 / 1e6,       // aws.amazon.com/api-gateway/pricing: per million requests to HTTP APIs
	kmsRequest:  0.03 / 1e4,       // aws.amazon.com/kms/pricing: per 10,000 requests
	logByte:     0.50 / (1 << 30), // aws.amazon.com/cloudwatch/pricing: per GB of logs collected
}
