-- A database of schema version 1, as the first releases made it, with one camera and one recording.
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE camera( id TEXT PRIMARY KEY, name TEXT NOT NULL, main_url TEXT NOT NULL, sub_url TEXT NOT NULL, pin TEXT NOT NULL, transport INTEGER NOT NULL, audio INTEGER NOT NULL, enabled INTEGER NOT NULL, tls_insecure INTEGER NOT NULL, retention_days INTEGER NOT NULL, changed_us INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE camera_id(key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);
CREATE TABLE recording( id INTEGER PRIMARY KEY, camera INTEGER NOT NULL REFERENCES camera_id(key), view INTEGER NOT NULL, start_us INTEGER NOT NULL, end_us INTEGER NOT NULL, epoch_us INTEGER NOT NULL, path TEXT NOT NULL, bytes INTEGER NOT NULL, frames INTEGER NOT NULL, kid BLOB NOT NULL, manifest BLOB NOT NULL, end_reason TEXT NOT NULL, state INTEGER NOT NULL, retention_days INTEGER NOT NULL, expires_us INTEGER NOT NULL);
CREATE UNIQUE INDEX recording_path ON recording(path);
CREATE INDEX recording_time ON recording(camera, view, start_us);
CREATE INDEX recording_start ON recording(start_us);
CREATE INDEX recording_end ON recording(end_us);
CREATE INDEX recording_expires ON recording(expires_us);
CREATE INDEX recording_unfinished ON recording(state) WHERE state <> 1;
CREATE TABLE gap( camera TEXT NOT NULL, from_us INTEGER NOT NULL, to_us INTEGER NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL, PRIMARY KEY(camera, from_us)) WITHOUT ROWID;
CREATE INDEX gap_to ON gap(to_us);
CREATE TABLE event( id INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, kind TEXT NOT NULL, camera TEXT NOT NULL, text TEXT NOT NULL);
CREATE INDEX event_at ON event(at_us);
INSERT INTO meta VALUES('camera_version', '1');
CREATE TRIGGER camera_inserted AFTER INSERT ON camera BEGIN
 UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'camera_version';
 END;
CREATE TRIGGER camera_updated AFTER UPDATE ON camera BEGIN
 UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'camera_version';
 END;
CREATE TRIGGER camera_deleted AFTER DELETE ON camera BEGIN
 UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'camera_version';
 END;

INSERT INTO camera VALUES('gate', 'Gate, west', 'rtsp://view:geheim-wort@10.0.0.7/1', '', '', 1, 0, 1, 0, 7, 1000000);
INSERT INTO camera_id VALUES(1, 'gate');
INSERT INTO recording VALUES(1, 1, 0, 0, 60000000, 0, 'recordings/gate/x', 10, 2, zeroblob(16), zeroblob(32), 'epoch', 1, 7, 604860000000);
PRAGMA user_version = 1;
