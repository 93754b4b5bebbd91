// The tables of a host, as the steps that made them: a step that was released is never changed, a new one is added behind it.

const objects = `
  CREATE TABLE counter (version INTEGER NOT NULL) STRICT;
  INSERT INTO counter VALUES (0);
  CREATE TABLE objects (
    kind TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    uid TEXT NOT NULL,
    version INTEGER NOT NULL,
    metadata TEXT NOT NULL,
    spec TEXT NOT NULL,
    status TEXT NOT NULL,
    PRIMARY KEY (kind, namespace, name)
  ) STRICT`

const journal = `
  CREATE TABLE journal (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    what TEXT NOT NULL,
    kind TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    uid TEXT NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  CREATE INDEX journal_about ON journal (uid, seq);
  CREATE TRIGGER journal_keeps BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
  CREATE TRIGGER journal_stays BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END`

const works = `
  CREATE TABLE works (
    namespace TEXT NOT NULL,
    id TEXT NOT NULL,
    token TEXT NOT NULL,
    job TEXT NOT NULL,
    started_at TEXT NOT NULL,
    mark TEXT,
    is_leaving INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (namespace, id)
  ) STRICT`

const servings = `
  CREATE TABLE servings (
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    serving TEXT NOT NULL,
    PRIMARY KEY (namespace, name)
  ) STRICT`

/** What was shortened is below the bound; a row above it cannot go, and none can change. */
const journalBound = `
  CREATE TABLE journal_bound (seq INTEGER NOT NULL) STRICT;
  INSERT INTO journal_bound VALUES (0);
  DROP TRIGGER journal_stays;
  CREATE TRIGGER journal_stays BEFORE DELETE ON journal WHEN OLD.seq > (SELECT seq FROM journal_bound)
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END`

/** In order; `PRAGMA user_version` counts those that were carried out. */
export const migrations: readonly string[] = [objects, journal, works, servings, journalBound]
