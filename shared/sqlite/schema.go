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
	`
-- What happened to a webhook's deliveries, by the hour.
CREATE TABLE counter (
	project TEXT NOT NULL, webhook TEXT NOT NULL, hour INTEGER NOT NULL, expires_at INTEGER NOT NULL, doc BLOB NOT NULL,
	PRIMARY KEY (project, webhook, hour)
) STRICT, WITHOUT ROWID;
CREATE INDEX counter_expiry ON counter (expires_at);
-- How its requests have ended lately; 0 is never.
CREATE TABLE health (
	project TEXT NOT NULL, webhook TEXT NOT NULL, last_success_at INTEGER NOT NULL, failing_since INTEGER NOT NULL, expires_at INTEGER NOT NULL,
	PRIMARY KEY (project, webhook)
) STRICT, WITHOUT ROWID;
CREATE INDEX health_expiry ON health (expires_at);

CREATE INDEX api_key_list ON api_key (project);

-- Jobs get columns for what lists narrow by, and for what moves apart from a job's changes. Jobs of before had no inputs.
ALTER TABLE job RENAME TO job_before;
CREATE TABLE job (
	uid TEXT PRIMARY KEY, project TEXT NOT NULL, workflow TEXT NOT NULL, status TEXT NOT NULL, version INTEGER NOT NULL,
	expires_at INTEGER NOT NULL, inputs INTEGER NOT NULL, closed INTEGER NOT NULL, running INTEGER NOT NULL, succeeded INTEGER NOT NULL,
	failed INTEGER NOT NULL, outputs INTEGER NOT NULL, clock INTEGER NOT NULL, doc BLOB NOT NULL, configuration BLOB
) STRICT;
INSERT INTO job SELECT
	uid, project, coalesce(json_extract(CAST(doc AS TEXT), '$.workflow'), ''), json_extract(CAST(doc AS TEXT), '$.status'), version,
	expires_at, 0, 0, 0, 0, 0, 0, 0, CAST(json_remove(CAST(doc AS TEXT), '$.configuration') AS BLOB),
	CAST(json_extract(CAST(doc AS TEXT), '$.configuration') AS BLOB) FROM job_before;
DROP TABLE job_before;
CREATE INDEX job_list ON job (project, uid);
CREATE INDEX job_workflow ON job (project, workflow, uid);
CREATE INDEX job_paused ON job (project, uid) WHERE status = 'paused';
ALTER TABLE workflow ADD COLUMN version INTEGER NOT NULL DEFAULT 1;

-- Inputs of jobs. They go when their job has gone. A job in unsettled is to be settled; its mark is new with each reason to.
CREATE TABLE input_page (
	job TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, doc BLOB NOT NULL, PRIMARY KEY (job, kind, name)
) STRICT;
CREATE TABLE input_chunk (
	job TEXT NOT NULL, number INTEGER NOT NULL, version INTEGER NOT NULL, doc BLOB NOT NULL, PRIMARY KEY (job, number)
) STRICT;
CREATE TABLE unsettled (job TEXT PRIMARY KEY, project TEXT NOT NULL, mark INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`,
	`
-- Indexes have what lists narrow by, so that a row is looked up only to be shown. Whether a delivery is of a test moves out of its document.
ALTER TABLE delivery ADD COLUMN test INTEGER NOT NULL DEFAULT 0;
UPDATE delivery SET test = 1 WHERE instr(doc, '"test":true');
DROP INDEX delivery_list;
CREATE INDEX delivery_list ON delivery (project, state, event, webhook, job, workflow, type, class, expires_at, test) WHERE state <> 'succeeded';

DROP INDEX job_paused;
CREATE INDEX job_status ON job (project, status, uid, workflow);
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
