package sqlite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// lock is the hold of one process on the database: a lock of the kernel on a file beside it, which ends with the process however
// that ends. The file itself stays, and tells the process that held it last.
type lock struct{ file *os.File }

// takeLock takes the lock or returns ErrInUse.
func takeLock(path string) (*lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, explainOpen(path, err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err != nil {
		defer f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w by %s: stop that one first, or use another folder", ErrInUse, holder(f))
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	l := &lock{file: f}
	l.sign()
	return l, nil
}

// sign writes who holds the lock. It is for people, so it may fail.
func (l *lock) sign() {
	if l.file.Truncate(0) == nil {
		l.file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
}

func (l *lock) release() error { return l.file.Close() }

func holder(f *os.File) string {
	text, _ := io.ReadAll(io.LimitReader(f, 32))
	if pid := strings.TrimSpace(string(text)); pid != "" {
		return "process " + pid
	}
	return "another process"
}

// explainOpen says what to do about a file that cannot be opened or made.
func explainOpen(path string, err error) error {
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("open database: its folder does not exist; make it first: %w", err)
	case errors.Is(err, os.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: the folder must let this user write, since SQLite makes files beside the database: %w", ErrReadOnly, err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: make room, then start again: %w", ErrFull, err)
	}
	return fmt.Errorf("open %s: %w", path, err)
}
