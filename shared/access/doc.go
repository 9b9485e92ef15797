// Package access says who may call: projects, the API keys that name them, what each key may do, and how often.
//
// A key is `hmd_` and 32 random bytes; only its SHA-256 is kept, so a copy of the store opens nothing. Every request names its
// project through its key, never through its path. A Guard answers from memory for a minute, so a key revoked elsewhere is
// good for that long. A Limiter holds a key to its requests a minute, together with those of other processes through a Meter.
// Replies keep what a request with an Idempotency-Key was answered.
package access
