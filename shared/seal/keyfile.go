package seal

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// wrapFormat is the first byte of what a KeyFile wraps: then come nonce, ciphertext and tag of AES-256-GCM.
const wrapFormat = 1

// KeyFile is the Wrapper of an installation on one machine. Its key is a file of 32 random bytes that its owner alone may
// read. Keep a copy of it, apart from copies of the data.
type KeyFile struct {
	path string
	aead func() cipher.AEAD // a closure, so that no verb of fmt shows the key
}

// OpenKeyFile reads the key from the file, and makes the file if there is none; its folder must exist. However many processes
// do that at once and whenever one of them dies, there is either no file or a whole one, which stays. A file that group or
// others may use, of another size, or that is no regular file is refused.
func OpenKeyFile(path string) (*KeyFile, error) {
	key, err := readKeyFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := createKeyFile(path); err != nil {
			return nil, fmt.Errorf("make key file: %w", err)
		}
		key, err = readKeyFile(path)
	}
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return &KeyFile{path: path, aead: func() cipher.AEAD { return aead }}, nil
}

// Wrap encrypts a data key for the project. It never fails.
func (k *KeyFile) Wrap(_ context.Context, project string, key []byte) ([]byte, error) {
	head := []byte{wrapFormat}
	return k.aead().Seal(head, nil, key, placeOf(head, project)), nil
}

// Unwrap decrypts what Wrap returned for the project, by this very key file; anything else is ErrTampered or ErrFormat.
func (k *KeyFile) Unwrap(_ context.Context, project string, wrapped []byte) ([]byte, error) {
	if len(wrapped) > 0 && wrapped[0] != wrapFormat {
		return nil, ErrFormat
	}
	head := wrapped[:min(1, len(wrapped))]
	key, err := k.aead().Open(nil, nil, wrapped[len(head):], placeOf(head, project))
	if err != nil {
		return nil, fmt.Errorf("%w: if the key file %s was lost and made anew, put the old one back", ErrTampered, k.path)
	}
	return key, nil
}

// readKeyFile judges the opened file, not its name, so that nothing can change in between.
func readKeyFile(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // non-blocking: a named pipe would hang here
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	mode := info.Mode()
	switch {
	case mode.IsDir():
		return nil, fmt.Errorf("key file %s is a directory; name a file in it", path)
	case !mode.IsRegular():
		return nil, fmt.Errorf("key file %s is no regular file", path)
	case mode.Perm()&0o077 != 0:
		return nil, fmt.Errorf("key file %s is open to group or others (mode %04o); run: chmod 600 %s", path, mode.Perm(), quote(path))
	case info.Size() != keySize:
		return nil, fmt.Errorf("key file %s has %d bytes, want %d random ones; put the original back", path, info.Size(), keySize)
	}
	key := make([]byte, keySize)
	if _, err := io.ReadFull(f, key); err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	return key, nil
}

// createKeyFile makes the key under another name and links it to its own only when it is on disk. A link, unlike a rename,
// never replaces what another process has put there meanwhile; then that counts. A crash may leave the other name behind, a
// hidden file of the same mode.
func createKeyFile(path string) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".new-key-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	key := make([]byte, keySize)
	rand.Read(key)
	_, err = f.Write(key)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(dir)
}

// syncDir makes a new name in the folder survive a loss of power.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// quote makes one word of a shell command of a path.
func quote(path string) string {
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
