package seal_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"hermod/shared/seal"
)

func TestKeyFileIsMadeOnceAndForItsOwnerOnly(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	if _, err := seal.OpenKeyFile(path); err != nil {
		t.Fatal(err)
	}
	made, err := os.ReadFile(path)
	if err != nil || len(made) != 32 || bytes.Equal(made, make([]byte, 32)) {
		t.Errorf("the new key file holds %d bytes (%v), want 32 random ones", len(made), err)
	}
	if info, _ := os.Stat(path); info.Mode() != 0o600 {
		t.Errorf("the new key file has mode %o, want 600", info.Mode())
	}
	if _, err := seal.OpenKeyFile(path); err != nil {
		t.Errorf("OpenKeyFile again = %v, want nil", err)
	}
	if again, _ := os.ReadFile(path); !bytes.Equal(again, made) {
		t.Error("OpenKeyFile has changed a key file")
	}
	if names, _ := filepath.Glob(filepath.Join(dir, ".*")); len(names) != 0 {
		t.Errorf("OpenKeyFile leaves %q behind", names)
	}
}

func TestConcurrentOpeningsMakeOneKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	files := make([]*seal.KeyFile, 16)
	var wg sync.WaitGroup
	for i := range files {
		wg.Go(func() {
			var err error
			if files[i], err = seal.OpenKeyFile(path); err != nil {
				t.Errorf("OpenKeyFile %d = %v", i, err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	wrapped, _ := files[0].Wrap(t.Context(), project, make([]byte, 32))
	for i, f := range files {
		if _, err := f.Unwrap(t.Context(), project, wrapped); err != nil {
			t.Errorf("opening %d got another key: %v", i, err)
		}
	}
}

func TestUnfitKeyFilesAreRefused(t *testing.T) {
	key := make([]byte, 32)
	write := func(data []byte, mode os.FileMode) func(string) error {
		return func(path string) error {
			// Chmod, because the umask may take bits from what WriteFile is given.
			return errors.Join(os.WriteFile(path, data, 0o600), os.Chmod(path, mode))
		}
	}
	tests := []struct {
		name string
		make func(path string) error
		want string
	}{
		{"readable by the group", write(key, 0o640), "is open to group or others (mode 0640); run: chmod 600 '"},
		{"readable by others", write(key, 0o604), "(mode 0604); run: chmod 600 '"},
		{"writable by others", write(key, 0o602), "(mode 0602); run: chmod 600 '"},
		{"empty", write(nil, 0o600), "has 0 bytes, want 32"},
		{"too short", write(key[:31], 0o600), "has 31 bytes, want 32"},
		{"too long", write(append(key, '\n'), 0o600), "has 33 bytes, want 32"},
		{"a directory", func(path string) error { return os.Mkdir(path, 0o700) }, "is a directory"},
		{"a named pipe", func(path string) error { return syscall.Mkfifo(path, 0o600) }, "is no regular file"},
		{"a link to nothing", func(path string) error { return os.Symlink(path+".gone", path) }, "no such file"},
		{"a link to itself", func(path string) error { return os.Symlink(path, path) }, "too many levels of symbolic links"},
	}
	for _, tt := range tests {
		path := filepath.Join(t.TempDir(), "it's key")
		if err := tt.make(path); err != nil {
			t.Fatal(err)
		}
		if _, err := seal.OpenKeyFile(path); err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "key file") {
			t.Errorf("OpenKeyFile of a file that is %s = %v, want an error with %q", tt.name, err, tt.want)
		}
	}
}

func TestRefusalCanBePastedIntoAShell(t *testing.T) {
	path := filepath.Join(t.TempDir(), "it's key")
	if err := errors.Join(os.WriteFile(path, make([]byte, 32), 0o600), os.Chmod(path, 0o644)); err != nil {
		t.Fatal(err)
	}
	_, err := seal.OpenKeyFile(path)
	if err == nil || !strings.HasSuffix(err.Error(), `it'\''s key'`) {
		t.Errorf("OpenKeyFile = %v, want the path quoted for a shell at its end", err)
	}
}

func TestFolderOfTheKeyFileMustExist(t *testing.T) {
	dir := t.TempDir()
	if _, err := seal.OpenKeyFile(filepath.Join(dir, "none", "key")); err == nil {
		t.Error("OpenKeyFile in a folder that does not exist = nil, want an error")
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := seal.OpenKeyFile(filepath.Join(file, "key")); err == nil {
		t.Error("OpenKeyFile below a file = nil, want an error")
	}
}

func TestUnreadableKeyFileIsNotReplaced(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root reads everything")
	}
	path := filepath.Join(t.TempDir(), "key")
	if err := errors.Join(os.WriteFile(path, make([]byte, 32), 0o600), os.Chmod(path, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := seal.OpenKeyFile(path); !errors.Is(err, os.ErrPermission) {
		t.Errorf("OpenKeyFile of an unreadable file = %v, want a permission error", err)
	}
}

func TestEveryChangedByteOfAWrappedKeyIsNoticed(t *testing.T) {
	file := newKeyFile(t)
	ctx := t.Context()
	key := []byte("0123456789abcdef0123456789abcdef")
	wrapped, err := file.Wrap(ctx, project, key)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := file.Unwrap(ctx, project, wrapped); err != nil || !bytes.Equal(got, key) {
		t.Errorf("Unwrap = %q, %v; want the key", got, err)
	}
	for i := range wrapped {
		altered := bytes.Clone(wrapped)
		altered[i] ^= 1
		want := seal.ErrTampered
		if i == 0 {
			want = seal.ErrFormat
		}
		if _, err := file.Unwrap(ctx, project, altered); !errors.Is(err, want) {
			t.Errorf("Unwrap with byte %d changed = %v, want %v", i, err, want)
		}
		if _, err := file.Unwrap(ctx, project, wrapped[:i]); !errors.Is(err, seal.ErrTampered) {
			t.Errorf("Unwrap of the first %d bytes = %v, want ErrTampered", i, err)
		}
	}
	if _, err := file.Unwrap(ctx, "another project", wrapped); !errors.Is(err, seal.ErrTampered) {
		t.Errorf("Unwrap for another project = %v, want ErrTampered", err)
	}
}

// Stored data keys must be readable by every later release: this one was wrapped by a key file of 32 sevens.
func TestWrappedKeysStayReadable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, bytes.Repeat([]byte{7}, 32), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := seal.OpenKeyFile(path)
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := hex.DecodeString("01232a1ff8e38b88331b19d0e62f22f22add5b5452ce613f88d37feb124d35f782e68580c05f0557dde75cbd7c4a99eefb969bae7a389603b8cb21d7b4")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := file.Unwrap(t.Context(), project, wrapped); err != nil || string(got) != "0123456789abcdef0123456789abcdef" {
		t.Errorf("Unwrap = %q, %v; want the key that was wrapped", got, err)
	}
}

// With the key file lost, everything fails loudly: nothing new is sealed under a key that the old values do not have.
func TestLostKeyFileIsToldAndMakesNoSecondDataKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	open := func() *seal.KeyFile {
		file, err := seal.OpenKeyFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	keys := newMemory()
	sealed := mustSeal(t, newBox(t, open(), keys), "x")
	if err := os.Rename(path, path+".kept"); err != nil {
		t.Fatal(err)
	}

	box := newBox(t, open(), keys) // makes a new file
	if _, err := box.Open(t.Context(), project, webhook, field, sealed); !errors.Is(err, seal.ErrTampered) || !strings.Contains(err.Error(), "put the old one back") {
		t.Errorf("Open under another key file = %v, want ErrTampered and what to do", err)
	}
	if _, err := box.Seal(t.Context(), project, webhook, field, nil); !errors.Is(err, seal.ErrTampered) || keys.puts != 1 {
		t.Errorf("Seal under another key file = %v and %d data keys, want ErrTampered and the first key only", err, keys.puts)
	}

	if err := os.Rename(path+".kept", path); err != nil {
		t.Fatal(err)
	}
	wantOpen(t, newBox(t, open(), keys), sealed, "x")
}
