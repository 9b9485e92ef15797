// Package retry is the policy of repetition: what the end of an attempt means for its delivery (Decide), and how long to wait
// before the next one (Schedule).
//
// The rules, after Standard Webhooks: 2xx is delivered. 410 disables the webhook. Everything else is tried again: redirects,
// which are never followed, time-outs and failed connections included. A receiver that says Retry-After is heard.
//
// Everything here is a pure function: the clock and the jitter come in as arguments.
package retry
