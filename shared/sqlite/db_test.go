package sqlite

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hermod/shared/access"
	"hermod/shared/delivery"
)

// makeFile makes a database with some rows and closes it.
func makeFile(t *testing.T, rows int) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "hermod.db")
	db, err := Open(t.Context(), Config{Path: path, CleanEvery: -1})
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		if err := db.Access().CreateProject(t.Context(), access.Project{UID: fmt.Sprint(i), Name: strings.Repeat("x", 3000)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// patch overwrites bytes of a file.
func patch(t *testing.T, path string, offset int64, b ...byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(b, offset); err != nil {
		t.Fatal(err)
	}
}

func runSQL(t *testing.T, path string, texts ...string) {
	t.Helper()
	c, err := dial(path, "rwc")
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	for _, text := range texts {
		if err := c.script(text); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOpenRefusesAndLeavesTheFileAsItIs(t *testing.T) {
	tests := []struct {
		name string
		make func(t *testing.T) (path string)
		want error
		says string
	}{
		{"a text", func(t *testing.T) string {
			path := filepath.Join(t.TempDir(), "hermod.db")
			os.WriteFile(path, bytes.Repeat([]byte("not a database "), 100), 0o600)
			return path
		}, ErrCorrupt, "no SQLite database"},
		{"a few bytes", func(t *testing.T) string {
			path := filepath.Join(t.TempDir(), "hermod.db")
			os.WriteFile(path, []byte("SQLite format 3\x00"), 0o600)
			return path
		}, ErrCorrupt, "no SQLite database"},
		{"another program's database", func(t *testing.T) string {
			path := filepath.Join(t.TempDir(), "hermod.db")
			runSQL(t, path, "CREATE TABLE theirs (x)")
			return path
		}, ErrForeign, "use another path"},
		{"a newer release's database", func(t *testing.T) string {
			path := makeFile(t, 1)
			runSQL(t, path, fmt.Sprintf("PRAGMA user_version = %d", len(migrations)+1))
			return path
		}, ErrNewer, "run the newer release"},
		{"a newer release's database whose log says so", func(t *testing.T) string {
			path, copied := makeFile(t, 1), filepath.Join(t.TempDir(), "hermod.db")
			c, err := dial(path, "rw")
			if err != nil {
				t.Fatal(err)
			}
			defer c.close()
			if err := c.script(fmt.Sprintf("PRAGMA user_version = %d", len(migrations)+1)); err != nil {
				t.Fatal(err)
			}
			for _, suffix := range []string{"", "-wal"} { // as a process that was killed leaves them
				b, err := os.ReadFile(path + suffix)
				if err != nil {
					t.Fatal(err)
				}
				os.WriteFile(copied+suffix, b, 0o600)
			}
			return copied
		}, ErrNewer, "run the newer release"},
		{"a database with a damaged page", func(t *testing.T) string {
			path := makeFile(t, 50)
			patch(t, path, 4096*20, bytes.Repeat([]byte{0xff}, 4096)...)
			return path
		}, ErrCorrupt, "restore it from a copy"},
		{"a database that was cut off", func(t *testing.T) string {
			path := makeFile(t, 50)
			if err := os.Truncate(path, 4096*9); err != nil {
				t.Fatal(err)
			}
			return path
		}, ErrCorrupt, "restore it from a copy"},
		{"a log without its database", func(t *testing.T) string {
			path := filepath.Join(t.TempDir(), "hermod.db")
			os.WriteFile(path+"-wal", []byte("something"), 0o600)
			return path
		}, ErrCorrupt, "restore the one or move the other away"},
		{"a file that cannot be read", func(t *testing.T) string {
			path := makeFile(t, 1)
			os.Chmod(path, 0)
			if f, err := os.Open(path); err == nil {
				f.Close()
				t.Skip("this user may read everything")
			}
			return path
		}, ErrReadOnly, "write"},
		{"a folder that is not there", func(t *testing.T) string {
			return filepath.Join(t.TempDir(), "nowhere", "hermod.db")
		}, fs.ErrNotExist, "make it first"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := test.make(t)
			before, log := contents(path), contents(path+"-wal")
			db, err := Open(t.Context(), Config{Path: path})
			if err == nil {
				db.Close()
			}
			if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("Open = %v, want %v with %q", err, test.want, test.says)
			}
			if before != contents(path) || log != contents(path+"-wal") {
				t.Error("the refused file changed")
			}
			for _, left := range []string{"-shm", ".new"} {
				if _, err := os.Stat(path + left); err == nil && log == "" {
					t.Errorf("a file %s is left over", left)
				}
			}
		})
	}
}

func contents(path string) string {
	b, _ := os.ReadFile(path)
	return string(b)
}

func TestOpenRefusesAFolderThatIsReadOnly(t *testing.T) {
	folder := t.TempDir()
	os.Chmod(folder, 0o500)
	t.Cleanup(func() { os.Chmod(folder, 0o700) })
	if os.WriteFile(filepath.Join(folder, "probe"), nil, 0o600) == nil {
		t.Skip("this user may write everywhere")
	}
	wantReadOnly(t, folder)
}

func wantReadOnly(t *testing.T, folder string) {
	t.Helper()
	_, err := Open(t.Context(), Config{Path: filepath.Join(folder, "hermod.db")})
	if !errors.Is(err, ErrReadOnly) || !strings.Contains(err.Error(), "folder") {
		t.Errorf("Open in a read-only folder = %v, want ErrReadOnly and a word about the folder", err)
	}
}

func TestOpenRefusesADatabaseInUse(t *testing.T) {
	path := makeFile(t, 1)
	p := startChild(t, path)
	_, err := Open(t.Context(), Config{Path: path})
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), fmt.Sprintf("process %d", p.Process.Pid)) {
		t.Errorf("Open beside another process = %v, want ErrInUse that names process %d", err, p.Process.Pid)
	}
	p.kill()
	db := reopen(t, Config{Path: path, CleanEvery: -1})
	if _, err := Open(t.Context(), Config{Path: path}); !errors.Is(err, ErrInUse) {
		t.Errorf("Open twice in one process = %v, want ErrInUse", err)
	}
	if _, err := db.Access().Project(t.Context(), "0"); err != nil {
		t.Errorf("Project = %v, want what was written before the process was killed", err)
	}
}

func TestOpenMakesAFileThatOnlyItsOwnerReads(t *testing.T) {
	db := open(t, nil)
	info, err := os.Stat(db.Path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the new file has mode %v, %v, want 0600", info.Mode(), err)
	}
}

func TestOpenTakesAnyPath(t *testing.T) {
	for _, name := range []string{"with space.db", "what?.db", "100%41.db", "größe#1.db", "a&b=c.db"} {
		path := filepath.Join(t.TempDir(), name)
		db, err := Open(t.Context(), Config{Path: path, CleanEvery: -1})
		if err != nil {
			t.Errorf("Open of %q = %v", name, err)
			continue
		}
		db.Close()
		if _, err := os.Stat(path); err != nil {
			t.Errorf("after Open of %q: %v", name, err)
		}
	}
}

func TestCreationThatWasInterruptedBeginsAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hermod.db")
	os.WriteFile(path+".new", []byte("half a database"), 0o600)
	os.WriteFile(path+".new-wal", []byte("half a log"), 0o600)
	reopen(t, Config{Path: path, CleanEvery: -1})
}

// fillUp sends messages until it is refused, and returns how many were sent.
func fillUp(t *testing.T, db *DB) (sent int, err error) {
	t.Helper()
	for range 10_000 {
		err = db.Queue().Send(t.Context(), delivery.LaneOps, delivery.Parcel{Body: bytes.Repeat([]byte("x"), 20_000)})
		if err != nil {
			return sent, err
		}
		sent++
	}
	t.Fatal("the disk is never full")
	return 0, nil
}

func limitPages(t *testing.T, db *DB, n int) {
	t.Helper()
	err := db.write(t.Context(), "test", func(t *tx) error {
		_, err := t.get(fmt.Sprintf("PRAGMA max_page_count = %d", n))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestFullDiskFailsTheWriteAndDamagesNothing(t *testing.T) {
	c := Config{Path: filepath.Join(t.TempDir(), "hermod.db"), CleanEvery: -1}
	db := reopen(t, c)
	limitPages(t, db, 200)
	sent, err := fillUp(t, db)
	wantFull(t, db, sent, err)
	limitPages(t, db, 1_000_000)
	if err := db.Queue().Send(t.Context(), delivery.LaneOps, delivery.Parcel{}); err != nil {
		t.Errorf("Send after room was made = %v", err)
	}
	db.Close()
	if n, err := reopen(t, c).Queue().Visible(t.Context(), delivery.LaneOps); n != sent+1 || err != nil {
		t.Errorf("Visible after Open = %d, %v, want %d", n, err, sent+1)
	}
}

// wantFull checks what a full disk did: the last Send was refused whole, the others are there.
func wantFull(t *testing.T, db *DB, sent int, err error) {
	t.Helper()
	if !errors.Is(err, ErrFull) {
		t.Fatalf("Send on a full disk = %v, want ErrFull", err)
	}
	if sent == 0 {
		t.Fatal("nothing was sent before the disk was full")
	}
	if n, err := db.Queue().Visible(t.Context(), delivery.LaneOps); n != sent || err != nil {
		t.Errorf("Visible on a full disk = %d, %v, want the %d that were acknowledged", n, err, sent)
	}
}

func TestMigrationFromEveryEarlierVersion(t *testing.T) {
	// A file of an earlier version is made here, with a row that must survive, when there is one.
	tests := []struct {
		version int
		row     string
	}{
		{0, ""},
		{1, `INSERT INTO job VALUES ('j', 'p', 1, 1, CAST('{"uid":"j","project":"p","status":"pending"}' AS BLOB))`},
		{2, `INSERT INTO delivery VALUES ('e', 'w', 'p', 'dead', 0, 1, NULL, 0, 0, 'j', 'f', 'failed', 'status', 1, CAST('{}' AS BLOB))`},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.version), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "hermod.db")
			c, err := dial(path, "rwc", "journal_mode = wal")
			if err != nil {
				t.Fatal(err)
			}
			for _, script := range migrations[:test.version] {
				if err := c.script(script); err != nil {
					t.Fatal(err)
				}
			}
			if err := c.script(fmt.Sprintf("PRAGMA user_version = %d; PRAGMA application_id = %d; %s", test.version, applicationID, test.row)); err != nil {
				t.Fatal(err)
			}
			c.close()
			checkMigrated(t, path)
		})
	}
	if len(tests) != len(migrations) {
		t.Errorf("%d earlier versions are tested, there are %d", len(tests), len(migrations))
	}
}

func checkMigrated(t *testing.T, path string) {
	t.Helper()
	c, err := dial(path, "rw")
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	version, err := c.number("PRAGMA user_version")
	if err != nil {
		t.Fatal(err)
	}
	if err := migrate(c, version); err != nil {
		t.Fatalf("migrate from version %d = %v", version, err)
	}
	if version, err = c.number("PRAGMA user_version"); version != len(migrations) || err != nil {
		t.Errorf("version after migrate = %d, %v, want %d", version, err, len(migrations))
	}
	if r, err := c.get("PRAGMA integrity_check"); err != nil || r.text(0) != "ok" {
		t.Errorf("integrity_check = %v, %v", r, err)
	}
}

func TestMigrationThatFailsLeavesTheVersionBefore(t *testing.T) {
	migrations = append(migrations, "CREATE TABLE half (x); NONSENSE")
	t.Cleanup(func() { migrations = migrations[:len(migrations)-1] })
	path := filepath.Join(t.TempDir(), "hermod.db")
	broken := fmt.Sprintf("version %d", len(migrations))
	if _, err := Open(t.Context(), Config{Path: path}); err == nil || !strings.Contains(err.Error(), broken) {
		t.Errorf("Open with a migration that fails = %v, want an error that names %s", err, broken)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a file is there that was not made whole")
	}
}

// Who claimed an Idempotency-Key and died will not answer: a client that comes back must not wait for its lease to end.
func TestAnIdempotencyKeyIsFreeAfterTheProcessThatClaimedItDied(t *testing.T) {
	path, now := makeFile(t, 0), time.Now()
	begin := func(name string) (reply *access.Reply, err error) {
		db, err := Open(t.Context(), Config{Path: path, CleanEvery: -1})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if reply, err = db.Access().Begin(t.Context(), name, "request", now); err == nil && reply == nil && name == "answered" {
			err = db.Access().Finish(t.Context(), name, access.Reply{Request: "request", Status: 201}, now)
		}
		return reply, err
	}
	for _, name := range []string{"claimed", "answered"} {
		if reply, err := begin(name); reply != nil || err != nil {
			t.Fatalf("Begin %s = %v, %v, want it claimed", name, reply, err)
		}
	}
	if reply, err := begin("claimed"); reply != nil || err != nil {
		t.Errorf("Begin of a claim of another process = %v, %v, want it claimed anew", reply, err)
	}
	if reply, err := begin("answered"); err != nil || reply == nil || reply.Status != 201 {
		t.Errorf("Begin of what was answered = %v, %v, want the answer", reply, err)
	}
}

func TestExpiredJobMakesRoomForItsUID(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	db := open(t, func() time.Time { return now })
	for range 2 {
		if err := db.Access().Finish(t.Context(), "name", access.Reply{Request: "r"}, now); err != nil {
			t.Fatal(err)
		}
		now = now.Add(access.ReplyRetention)
		if r, err := db.Access().Begin(t.Context(), "name", "other", now); r != nil || err != nil {
			t.Errorf("Begin after the reply expired = %v, %v, want a new claim", r, err)
		}
	}
}
