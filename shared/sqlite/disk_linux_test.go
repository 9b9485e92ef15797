package sqlite

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"hermod/shared/delivery"
)

// mount mounts an empty file system in memory, which only root may.
func mount(t *testing.T, flags uintptr, options string) (folder string) {
	t.Helper()
	folder = t.TempDir()
	if err := syscall.Mount("hermod-test", folder, "tmpfs", flags, options); err != nil {
		t.Skipf("mount a file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return folder
}

func TestOpenRefusesAFileSystemThatIsReadOnly(t *testing.T) {
	wantReadOnly(t, mount(t, syscall.MS_RDONLY, ""))
}

func TestFullFileSystemFailsTheWriteAndDamagesNothing(t *testing.T) {
	folder := mount(t, 0, "size=4m")
	ballast := filepath.Join(folder, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	c := Config{Path: filepath.Join(folder, "hermod.db"), CleanEvery: -1}
	db := reopen(t, c)
	sent, err := fillUp(t, db)
	wantFull(t, db, sent, err)
	wantFull(t, db, sent, db.Queue().Send(t.Context(), delivery.LaneOps, delivery.Parcel{Body: bytes.Repeat([]byte("x"), 20_000)}))
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := db.Queue().Send(t.Context(), delivery.LaneOps, delivery.Parcel{}); err != nil {
		t.Errorf("Send after room was made = %v", err)
	}
	db.Close()
	db = reopen(t, c)
	if n, err := db.Queue().Visible(t.Context(), delivery.LaneOps); n != sent+1 || err != nil {
		t.Errorf("Visible after Open = %d, %v, want %d", n, err, sent+1)
	}
}

func TestOpenOnAFullFileSystemSaysSo(t *testing.T) {
	folder := mount(t, 0, "size=64k")
	if _, err := Open(t.Context(), Config{Path: filepath.Join(folder, "hermod.db")}); !errors.Is(err, ErrFull) {
		t.Errorf("Open on a file system without room = %v, want ErrFull", err)
	}
	if left, _ := filepath.Glob(filepath.Join(folder, "hermod.db*")); len(left) != 1 {
		t.Errorf("Open left %v, want the lock only", left)
	}
}
