// Package assemble builds the AWS side of Hermod from the environment that template.yaml gives to a function: clients made by hand,
// without the SDK's config module, whose single sign-on and profiles no function needs.
//
//	variable                    what
//	HERMOD_TABLE                name of the table
//	HERMOD_QUEUE_FIRST, …       URLs of the queues, _RETRY, _OPS and _DEAD likewise: those that the function uses
//	HERMOD_KEY_ID               ARN of the KMS key that wraps data keys
//	HERMOD_ALLOW_HTTP           true: webhooks may have http URLs
//	HERMOD_ALLOW_PRIVATE        true: webhooks may go to private addresses, and to any port
//	HERMOD_RATE_LIMIT           requests that an API key may make in a minute; 0: no limit; empty: 60000
//	HERMOD_LOG_LEVEL            debug, info, warn or error; empty: info
//
// Region and credentials are in the variables that Lambda itself sets. AWS_ENDPOINT_URL_DYNAMODB, _SQS and _KMS, empty on AWS, send
// the requests elsewhere.
package assemble
