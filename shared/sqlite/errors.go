package sqlite

import (
	"errors"
	"fmt"

	modernc "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// What can be wrong with the file or the folder around it. The error that wraps one of these says what to do.
var (
	ErrCorrupt  = errors.New("the database is damaged")
	ErrNewer    = errors.New("the database was made by a newer release")
	ErrForeign  = errors.New("the file belongs to another program")
	ErrInUse    = errors.New("the database is in use")
	ErrReadOnly = errors.New("the database cannot be written")
	ErrFull     = errors.New("the disk is full")
	ErrClosed   = errors.New("the database is closed")
)

// translate turns an error of the driver into one that wraps a sentinel, where there is one for it.
func translate(err error) error {
	var e *modernc.Error
	if !errors.As(err, &e) {
		return err
	}
	switch code := e.Code(); {
	case code&0xff == lib.SQLITE_FULL, outOfSpace[code]:
		return fmt.Errorf("%w: nothing was written; make room, then try again: %w", ErrFull, err)
	case code&0xff == lib.SQLITE_CORRUPT, code&0xff == lib.SQLITE_NOTADB:
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	case code&0xff == lib.SQLITE_READONLY, code&0xff == lib.SQLITE_PERM, code&0xff == lib.SQLITE_CANTOPEN:
		return fmt.Errorf("%w: this user must be able to write the file, those beside it and their folder: %w", ErrReadOnly, err)
	}
	return err
}

// outOfSpace are the failures that a file system without room shows as, beside SQLITE_FULL.
var outOfSpace = map[int]bool{
	lib.SQLITE_IOERR_WRITE:    true,
	lib.SQLITE_IOERR_TRUNCATE: true, // growing a file ahead of its use
	lib.SQLITE_IOERR_SHMSIZE:  true,
}
