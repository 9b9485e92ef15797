// Package seal keeps what is write-only: header values and signing secrets are stored sealed, and opened only to make a request.
//
// It is envelope encryption. Each project has a data key of 32 random bytes, made when the project first seals something. The
// data key is stored wrapped, by a Wrapper that alone knows the key above it (KeyFile on one machine), and is unwrapped once
// per process. Nothing is sealed with the data key itself: HKDF-SHA256 makes of it one key for sealing and one for each
// purpose of Derive.
//
// A sealed value belongs to one project, webhook and field. Opened for any other, or with a single bit changed, it is
// ErrTampered, or ErrFormat if its first two bytes are unknown ones. It is base64url without padding of
//
//	format (1 byte, 1) | number of the data key (1 byte, 0) | nonce (12 bytes) | AES-256-GCM ciphertext | tag (16 bytes)
//
// where the additional data are the first two bytes and, each after its length, project, webhook and field. Nonces are random,
// so a project may seal 2^32 values before the chance that two share one (which would give both away) exceeds one in 2^32.
//
// A data key is never replaced. Losing the key file, or the stored data keys, loses everything that was sealed.
package seal
