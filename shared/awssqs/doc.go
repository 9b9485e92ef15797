// Package awssqs is the AWS side of delivery.Queue: each lane is a standard SQS queue, made by the template with the limits that
// delivery names, and without a delay or a wait of the queue's own, since a client says 0 by saying nothing. Fairness between
// groups is that of SQS's fair queues, where a message's group is its MessageGroupId.
//
// Send sends batches of at most ten messages and 256 KB, several at once. SQS takes 1 MiB since 2025, but bills each 64 KB as one
// request, so bigger batches save nothing. (Sizes, counts and characters:
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html.) What was not sent, or whose
// sending nobody knows of, is in a SendError. A request whose answer was lost is sent again by the SDK, so its messages may be
// there twice.
//
// Receive is not tried again by the SDK: when the answer of a first try is lost, its messages are in flight, where they stay until
// their visibility is over. The same happens when the context ends while Receive waits, so it never waits beyond the deadline of
// its context, and callers should let it end by itself.
//
// A body is JSON, or text of the characters that SQS takes. The two noncharacters U+FFFE and U+FFFF, which SQS refuses and JSON
// may hold, are sent as the JSON escapes that mean the same.
package awssqs
