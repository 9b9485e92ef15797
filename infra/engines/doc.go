// Package engines starts what stands in for AWS where there is none: DynamoDB with its streams, SQS, and KMS. All listen on
// 127.0.0.1, on a free port, and keep what they are told in memory, until they are stopped or the process that started them ends.
//
//   - DynamoDB is dynoxide, SQS is ElasticMQ. The script install fetches them; SHA256SUMS names every file of theirs, and each
//     start checks them again.
//   - KMS is a small server of our own, in this process: Encrypt and Decrypt, bound to an encryption context.
//
// What they do not show, tests show by faults of their own, or the package that needs it says that nothing does:
//
//   - dynoxide has no throttling, no time to live, no permissions, and its index reads lag behind nothing. It slows down with
//     the number of stream records it holds: start one for each test. It makes a stream record of a write that changed nothing.
//   - ElasticMQ has no retention, no fairness between groups, no permissions. A long poll whose client went away still takes a
//     message out of sight. Deleting with a handle that is used up fails, as it does not on SQS; a redrive keeps the message id.
//
// Clients of the AWS SDK should talk to them through Transport.
package engines
