package sqlite

import (
	"context"
	"fmt"
)

// applicationID marks a file as ours, in the place that SQLite has for that: HMOD.
const applicationID = 0x484d4f44

// migrations bring a file from one version to the next; PRAGMA user_version counts those that were applied. A release that
// changes a table or adds a field to a document appends one, even an empty one, so that an older release refuses the file
// instead of dropping what it does not know. An entry that was released is never edited.
var migrations = []string{
	`
-- What happens once in the life of a file: opened (how often), swept (how far the due index was).
CREATE TABLE state (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE project (uid TEXT PRIMARY KEY, doc BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE api_key (hash TEXT PRIMARY KEY, project TEXT NOT NULL, doc BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE data_key (project TEXT PRIMARY KEY, wrapped BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE reply (name TEXT PRIMARY KEY, held_until INTEGER, expires_at INTEGER NOT NULL, doc BLOB NOT NULL) STRICT;
CREATE INDEX reply_expiry ON reply (expires_at);

CREATE TABLE workflow (uid TEXT PRIMARY KEY, project TEXT NOT NULL, doc BLOB NOT NULL) STRICT;
CREATE INDEX workflow_list ON workflow (project, uid);

CREATE TABLE job (
	uid TEXT PRIMARY KEY, project TEXT NOT NULL, version INTEGER NOT NULL, expires_at INTEGER NOT NULL, doc BLOB NOT NULL
) STRICT;
CREATE TABLE outbox (id INTEGER PRIMARY KEY, doc BLOB NOT NULL) STRICT;

-- A webhook that was deleted keeps a row without a document until expires_at.
CREATE TABLE webhook (
	uid TEXT PRIMARY KEY, project TEXT NOT NULL, job TEXT NOT NULL, version INTEGER NOT NULL, parked_until INTEGER NOT NULL,
	expires_at INTEGER, doc BLOB
) STRICT;
CREATE INDEX webhook_list ON webhook (project, uid) WHERE expires_at IS NULL;
CREATE INDEX webhook_match ON webhook (project, job) WHERE expires_at IS NULL;
CREATE INDEX webhook_expiry ON webhook (expires_at) WHERE expires_at IS NOT NULL;
CREATE TABLE hooks (project TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT, WITHOUT ROWID;

-- matched has a line "webhook format" for each match. The bodies stand last: a list does not read so far.
CREATE TABLE event (
	project TEXT NOT NULL, uid TEXT NOT NULL, job TEXT NOT NULL, workflow TEXT NOT NULL, type TEXT NOT NULL, sequence INTEGER NOT NULL,
	at INTEGER NOT NULL, test INTEGER NOT NULL, expires_at INTEGER NOT NULL, matched TEXT NOT NULL, body_v3 BLOB, body_standard BLOB,
	PRIMARY KEY (project, uid)
) STRICT;
CREATE INDEX event_job ON event (project, job, uid);

-- A delivery that succeeds at once is in no index. Event uids begin with their time, so new rows stand together at the end.
CREATE TABLE delivery (
	event TEXT NOT NULL, webhook TEXT NOT NULL, project TEXT NOT NULL, state TEXT NOT NULL, cycle INTEGER NOT NULL, step INTEGER NOT NULL,
	due_at INTEGER, due_own INTEGER NOT NULL, resends INTEGER NOT NULL, job TEXT NOT NULL, workflow TEXT NOT NULL, type TEXT NOT NULL,
	class TEXT NOT NULL, expires_at INTEGER NOT NULL, doc BLOB NOT NULL, PRIMARY KEY (event, webhook)
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_due ON delivery (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX delivery_list ON delivery (project, state, event, webhook) WHERE state <> 'succeeded';
CREATE TABLE answer (
	event TEXT NOT NULL, webhook TEXT NOT NULL, number INTEGER NOT NULL, expires_at INTEGER NOT NULL, doc BLOB NOT NULL,
	PRIMARY KEY (event, webhook, number)
) STRICT;

-- In the order in which a group's messages are received. source is the lane that a letter came from.
CREATE TABLE message (
	lane TEXT NOT NULL, grp TEXT NOT NULL, visible_at INTEGER NOT NULL, id INTEGER NOT NULL, receives INTEGER NOT NULL,
	sent_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, source TEXT NOT NULL, body BLOB NOT NULL,
	PRIMARY KEY (lane, grp, visible_at, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE redrive (
	uid TEXT PRIMARY KEY, project TEXT NOT NULL, version INTEGER NOT NULL, expires_at INTEGER NOT NULL, doc BLOB NOT NULL
) STRICT;
CREATE INDEX redrive_list ON redrive (project, uid);
CREATE INDEX redrive_expiry ON redrive (expires_at);
CREATE TABLE redrive_page (
	task TEXT NOT NULL, number INTEGER NOT NULL, expires_at INTEGER NOT NULL, doc BLOB NOT NULL, PRIMARY KEY (task, number)
) STRICT;
CREATE INDEX redrive_page_expiry ON redrive_page (expires_at);
`,
}

// migrate applies what the file lacks, all or nothing.
func migrate(c *conn, version int) error {
	if version == len(migrations) {
		return nil
	}
	if err := c.begin(); err != nil {
		return err
	}
	if err := applyFrom(c, version); err != nil {
		c.rollback()
		return err
	}
	if err := c.commit(); err != nil {
		c.rollback()
		return err
	}
	return nil
}

func applyFrom(c *conn, version int) error {
	for i, script := range migrations[version:] {
		if err := c.script(script); err != nil {
			return fmt.Errorf("bring the database to version %d: %w", version+i+1, err)
		}
	}
	return c.script(fmt.Sprintf("PRAGMA user_version = %d; PRAGMA application_id = %d", len(migrations), applicationID))
}

// script runs several statements that take no arguments.
func (c *conn) script(text string) error {
	s, err := c.raw.Prepare(text)
	if err != nil {
		return c.fail(err)
	}
	defer s.Close()
	_, err = s.(statement).ExecContext(context.Background(), nil)
	return c.fail(err)
}

func (c *conn) number(query string, args ...any) (int, error) {
	r, err := c.get(query, args...)
	if err != nil || r == nil {
		return 0, err
	}
	return int(r.int(0)), nil
}
