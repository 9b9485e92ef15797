// Package signature signs deliveries and checks signatures as Standard Webhooks has it
// (https://github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md), in both of its schemes: v1, HMAC-SHA256
// under a secret that sender and receiver share, and v1a, ed25519 (RFC 8032), whose receivers know the public key only.
//
// What is signed is "id.timestamp.body", so neither an id nor a timestamp may contain a full stop: with one, the end of an id
// could be read as another, later timestamp. The header webhook-signature is a list separated by spaces, one entry
// "scheme,base64" for each secret that is valid, v1 before v1a and each newest first; a receiver that knows one of them is
// content. That is how secrets rotate without a gap, and how a receiver moves from one scheme to the other.
//
// A text says by its beginning what it is: whsec_ a secret of v1; whsk_ a key pair of v1a, which signs; whpk_ the public half of
// one, which only verifies. All three are a Secret. It shows itself only through Reveal, and the public half of a pair through
// Public. However it is printed, logged or encoded otherwise, it is "***".
package signature
