-- As a program that knew the first step only has left it.
PRAGMA journal_mode = WAL;
CREATE TABLE counter (version INTEGER NOT NULL) STRICT;
INSERT INTO counter VALUES (7);
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
) STRICT;
INSERT INTO objects VALUES (
  'Model', 'default', 'old', 'uid-1', 7,
  '{"namespace":"default","name":"old","uid":"uid-1","generation":1,"creationTimestamp":"2026-11-01T00:00:00.000Z","finalizers":[],"annotations":{},"labels":{}}',
  '{"source":{"huggingFace":{"repo":"org/name"}}}',
  '{"phase":"Ready"}'
);
PRAGMA user_version = 1;
