// Package awskms is the AWS side of seal.Wrapper: KMS encrypts the data key of each project under one key that never leaves KMS,
// with the encryption context {"project": uid}. So the ciphertext of one project opens for no other, and CloudTrail names the
// project of each use.
package awskms

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"hermod/shared/seal"
)

// maxCiphertext is how many bytes Decrypt takes; a ciphertext of KMS is never longer.
const maxCiphertext = 6144

// Config is what a Wrapper needs.
type Config struct {
	Client *kms.Client // required
	KeyID  string      // id or ARN of a symmetric key; required
}

// Wrapper wraps data keys with KMS. It is a seal.Wrapper.
type Wrapper struct {
	client *kms.Client
	keyID  string
}

// New returns a Wrapper. It asks nothing of KMS yet.
func New(c Config) *Wrapper { return &Wrapper{client: c.Client, keyID: c.KeyID} }

// Wrap encrypts a data key for the project.
func (w *Wrapper) Wrap(ctx context.Context, project string, key []byte) ([]byte, error) {
	out, err := w.client.Encrypt(ctx, &kms.EncryptInput{KeyId: &w.keyID, Plaintext: key, EncryptionContext: boundTo(project)})
	if err != nil {
		return nil, fmt.Errorf("encrypt with KMS: %w", err)
	}
	return out.CiphertextBlob, nil
}

// Unwrap decrypts what Wrap returned for the project. The key is named, so that nothing opens that was encrypted under another
// one that this account may use.
func (w *Wrapper) Unwrap(ctx context.Context, project string, wrapped []byte) ([]byte, error) {
	if len(wrapped) < 1 || len(wrapped) > maxCiphertext {
		return nil, fmt.Errorf("%w: %d bytes are no ciphertext of KMS", seal.ErrTampered, len(wrapped))
	}
	out, err := w.client.Decrypt(ctx, &kms.DecryptInput{KeyId: &w.keyID, CiphertextBlob: wrapped, EncryptionContext: boundTo(project)})
	if errors.As(err, new(*types.InvalidCiphertextException)) || errors.As(err, new(*types.IncorrectKeyException)) {
		return nil, fmt.Errorf("%w: %w", seal.ErrTampered, err)
	}
	if err != nil {
		return nil, fmt.Errorf("decrypt with KMS: %w", err)
	}
	return out.Plaintext, nil
}

func boundTo(project string) map[string]string { return map[string]string{"project": project} }
