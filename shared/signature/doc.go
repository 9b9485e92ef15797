// Package signature signs deliveries and checks signatures as Standard Webhooks has it
// (https://github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md), scheme v1: HMAC-SHA256 under a secret
// that sender and receiver share.
//
// What is signed is "id.timestamp.body", so neither an id nor a timestamp may contain a full stop: with one, the end of an id
// could be read as another, later timestamp. The header webhook-signature is a list separated by spaces, one entry
// "scheme,base64" for each secret that is valid, newest first; a receiver that knows one of them is content. That is how
// secrets rotate without a gap.
//
// A Secret shows itself only through Reveal. However it is printed, logged or encoded otherwise, it is "***".
package signature
