package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// quickCheckUpTo is the size of file, in bytes, that is read through at each start.
const quickCheckUpTo = 32 << 20

// admit makes sure that the file is one to work with, and makes it if there is none. Of a file that it refuses nothing changes.
func admit(path string) (version int, err error) {
	fresh, err := checkHeader(path)
	switch {
	case err != nil:
		return 0, err
	case fresh:
		return len(migrations), create(path)
	}
	return inspect(path)
}

// create makes the file under another name and renames it: whatever happens meanwhile, there is a whole database or none.
func create(path string) error {
	if hasLog(path) {
		return fmt.Errorf("%w: %s is gone but its %s-wal is there; restore the one or move the other away", ErrCorrupt, path, filepath.Base(path))
	}
	made := path + ".new"
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		os.Remove(made + suffix)
	}
	f, err := os.OpenFile(made, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return explainOpen(made, err)
	}
	f.Close()
	if err := fill(made); err != nil {
		os.Remove(made)
		return fmt.Errorf("make database: %w", err)
	}
	if err := os.Rename(made, path); err != nil {
		return explainOpen(path, err)
	}
	return syncFolder(path)
}

func fill(path string) error {
	c, err := dial(path, "rw", "journal_mode = wal")
	if err != nil {
		return err
	}
	err = migrate(c, 0)
	if closing := c.close(); err == nil {
		err = closing
	}
	return err
}

// hasLog reports whether there are writes that were not moved into the file yet.
func hasLog(path string) bool {
	info, err := os.Stat(path + "-wal")
	return err == nil && info.Size() > 0
}

// syncFolder makes a rename last.
func syncFolder(path string) error {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}

// checkHeader reads a file's first bytes, before SQLite gets to see it: what is not ours is not touched. A file that is empty or
// not there is fine, and reported as new.
func checkHeader(path string) (fresh bool, err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, explainOpen(path, err)
	}
	defer f.Close()
	header := make([]byte, 100)
	n, err := io.ReadFull(f, header)
	switch {
	case errors.Is(err, io.EOF):
		return true, nil
	case n < len(header), string(header[:16]) != "SQLite format 3\x00":
		return false, fmt.Errorf("%w: %s is no SQLite database; move it away or restore it from a copy", ErrCorrupt, path)
	}
	return false, checkVersion(path, int(binary.BigEndian.Uint32(header[68:])), int(binary.BigEndian.Uint32(header[60:])))
}

func checkVersion(path string, application, version int) error {
	switch {
	case application != applicationID:
		return fmt.Errorf("%w: %s is the database of something else; use another path", ErrForeign, path)
	case version > len(migrations):
		return fmt.Errorf("%w: %s has version %d and this release knows up to %d; run the newer release, or restore a copy from before it",
			ErrNewer, path, version, len(migrations))
	}
	return nil
}

// inspect looks through a connection that cannot write whether the file is sound, and returns its version. A small file is
// checked as a whole, of a large one the ends of each table.
func inspect(path string) (version int, err error) {
	mode := "ro"
	if !hasLog(path) {
		mode = "ro&immutable=1" // makes no files beside it
	}
	c, err := dial(path, mode)
	if err != nil {
		return 0, damaged(path, err)
	}
	defer c.close()
	application, err := c.number("PRAGMA application_id")
	if err != nil {
		return 0, damaged(path, err)
	}
	version, err = c.number("PRAGMA user_version")
	if err != nil {
		return 0, damaged(path, err)
	}
	if err := checkVersion(path, application, version); err != nil {
		return 0, err
	}
	return version, damaged(path, c.sound(path))
}

func damaged(path string, err error) error {
	if errors.Is(err, ErrCorrupt) {
		return fmt.Errorf("%w (%s): restore it from a copy, or move it away to begin anew", err, path)
	}
	return err
}

func (c *conn) sound(path string) error {
	if info, err := os.Stat(path); err == nil && info.Size() <= quickCheckUpTo {
		r, err := c.get("PRAGMA quick_check(1)")
		if err == nil && r.text(0) != "ok" {
			err = fmt.Errorf("%w: %s", ErrCorrupt, r.text(0))
		}
		return err
	}
	tables, err := c.tables()
	if err != nil {
		return err
	}
	for _, table := range tables {
		for _, order := range []string{"ASC", "DESC"} {
			if _, err := c.get("SELECT * FROM " + table + " ORDER BY 1 " + order + " LIMIT 1"); err != nil {
				return err
			}
		}
	}
	return nil
}

// tables lists the tables there are. A file of ours without any lost them.
func (c *conn) tables() (names []string, err error) {
	for r, err := range c.rows("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'") {
		if err != nil {
			return nil, err
		}
		names = append(names, r.text(0))
	}
	if !slices.Contains(names, "state") {
		return nil, fmt.Errorf("%w: its tables are gone", ErrCorrupt)
	}
	return names, nil
}
