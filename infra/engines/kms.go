package engines

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
)

const (
	maxPlaintext = 4096 // bytes, of Encrypt
	maxRequest   = 64 << 10
	blobFormat   = 1
	keyIDSize    = sha256.Size
	headSize     = 1 + keyIDSize // of a blob: format, what stands for the key
)

// KMS is a server that answers Encrypt and Decrypt as AWS KMS does for symmetric keys: bound to the encryption context, with the
// same kinds of errors. Every id is the id of a key; keys, like all the rest, are gone when it stops.
type KMS struct {
	Endpoint string // http://127.0.0.1:PORT

	server *http.Server
	ended  chan error
	master []byte
}

// StartKMS starts a server of its own.
func StartKMS() (*KMS, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start KMS: %w", err)
	}
	k := &KMS{Endpoint: "http://" + l.Addr().String(), ended: make(chan error, 1), master: make([]byte, 32)}
	rand.Read(k.master)
	k.server = &http.Server{Handler: http.HandlerFunc(k.serve)}
	go func() { k.ended <- k.server.Serve(l) }()
	return k, nil
}

// Stop ends the server.
func (k *KMS) Stop() error {
	err := k.server.Close()
	if ended := <-k.ended; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	k.ended <- http.ErrServerClosed // for the next Stop
	return err
}

// kmsRequest is that of both operations.
type kmsRequest struct {
	KeyID          string            `json:"KeyId"`
	Plaintext      []byte            // of Encrypt
	CiphertextBlob []byte            // of Decrypt
	Context        map[string]string `json:"EncryptionContext"`
}

type kmsAnswer struct {
	KeyID          string `json:"KeyId,omitempty"` // in the form it was named
	Plaintext      []byte `json:",omitempty"`
	CiphertextBlob []byte `json:",omitempty"`
	Algorithm      string `json:"EncryptionAlgorithm"`
}

// kmsError is what KMS refuses with. The SDK tells errors apart by the type.
type kmsError struct {
	Type    string `json:"__type"`
	Message string `json:"message,omitempty"` // KMS says nothing of a blob that it cannot open
}

func (e *kmsError) Error() string { return e.Type + ": " + e.Message }

func (k *KMS) serve(w http.ResponseWriter, r *http.Request) {
	var answer any
	answer, err := k.answer(w, r)
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		answer = err
	}
	json.NewEncoder(w).Encode(answer) // a client that went away needs no answer
}

func (k *KMS) answer(w http.ResponseWriter, r *http.Request) (*kmsAnswer, *kmsError) {
	var request kmsRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest)).Decode(&request); err != nil {
		return nil, &kmsError{"SerializationException", err.Error()}
	}
	switch target := r.Header.Get("X-Amz-Target"); target {
	case "TrentService.Encrypt":
		return k.encrypt(request)
	case "TrentService.Decrypt":
		return k.decrypt(request)
	default:
		return nil, &kmsError{"UnknownOperationException", "this stand-in knows Encrypt and Decrypt, not " + target}
	}
}

func (k *KMS) encrypt(r kmsRequest) (*kmsAnswer, *kmsError) {
	switch {
	case r.KeyID == "":
		return nil, &kmsError{"ValidationException", "keyId must not be null"}
	case len(r.Plaintext) < 1 || len(r.Plaintext) > maxPlaintext:
		return nil, &kmsError{"ValidationException", fmt.Sprintf("plaintext has %d bytes, 1 to %d are allowed", len(r.Plaintext), maxPlaintext)}
	}
	id := idOf(r.KeyID)
	blob := append([]byte{blobFormat}, id[:]...)
	blob = k.aead(id[:]).Seal(blob, nil, r.Plaintext, boundTo(blob, r.Context))
	return &kmsAnswer{KeyID: r.KeyID, CiphertextBlob: blob, Algorithm: "SYMMETRIC_DEFAULT"}, nil
}

// decrypt needs no key id, as the blob names its key. A key id that is named must be that key's.
func (k *KMS) decrypt(r kmsRequest) (*kmsAnswer, *kmsError) {
	if len(r.CiphertextBlob) < headSize || r.CiphertextBlob[0] != blobFormat {
		return nil, &kmsError{Type: "InvalidCiphertextException"}
	}
	head, sealed := r.CiphertextBlob[:headSize], r.CiphertextBlob[headSize:]
	named := idOf(r.KeyID)
	if r.KeyID != "" && !bytes.Equal(named[:], head[1:]) {
		return nil, &kmsError{"IncorrectKeyException", "The key ID in the request does not identify a CMK that can perform this operation."}
	}
	plain, err := k.aead(head[1:]).Open(nil, nil, sealed, boundTo(head, r.Context))
	if err != nil {
		return nil, &kmsError{Type: "InvalidCiphertextException"}
	}
	return &kmsAnswer{KeyID: r.KeyID, Plaintext: plain, Algorithm: "SYMMETRIC_DEFAULT"}, nil
}

// aead is the cipher of one key.
func (k *KMS) aead(id []byte) cipher.AEAD {
	key, err := hkdf.Key(sha256.New, k.master, nil, "key/"+string(id), 32)
	if err != nil {
		panic(err) // 32 bytes are not too many
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // nor the wrong number
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return aead
}

// idOf stands for a key in a blob. It is the same for an id and the ARN that ends with it.
func idOf(key string) [keyIDSize]byte {
	return sha256.Sum256([]byte("id/" + key[strings.LastIndex(key, "/")+1:]))
}

// boundTo is the additional data of a blob: its head, then the context in a fixed order, each part after its length.
func boundTo(head []byte, context map[string]string) []byte {
	data := bytes.Clone(head)
	for _, name := range slices.Sorted(maps.Keys(context)) {
		for _, part := range []string{name, context[name]} {
			data = binary.AppendUvarint(data, uint64(len(part)))
			data = append(data, part...)
		}
	}
	return data
}
