// Rehearsal is Hermod as template.yaml deploys it, on this machine, without an AWS account: the built functions, called as Lambda
// would call them, over stand-ins for DynamoDB, SQS and KMS.
//
//	infra/engines/install            once: fetches the stand-ins
//	go run ./infra/rehearsal [-listen 127.0.0.1:8080] [-build DIR] [-logs DIR] [-parameter NAME=VALUE] [-project NAME]
//
// It takes from the template what a function is given: routes, queues, stream, schedule, variables, time-out and role. A request
// that the role does not allow is refused; at the end, on Ctrl-C, it lists the grants that nothing needed and what AWS would have
// billed. Everything is in memory and gone then.
//
// What it cannot show: throttling, the network, TLS to AWS, real latencies, the limits of an account, and what the packages below
// say of themselves.
package main
