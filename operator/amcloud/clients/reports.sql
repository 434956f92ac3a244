-- Reports for auditors: append-only, content-addressed. Applied at each start, under an advisory lock: it must be
-- repeatable. The web server of the reports reads with a role of its own.
CREATE TABLE IF NOT EXISTS report_contents (
    digest   char(64) PRIMARY KEY,            -- SHA-256 of `report`
    report   bytea NOT NULL,                  -- canonical JSON, byte for byte
    evidence bytea NOT NULL                   -- what recomputes it elsewhere
);
CREATE TABLE IF NOT EXISTS reports (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    namespace   text NOT NULL CHECK (length(namespace) <= 63),
    app         text NOT NULL CHECK (length(app) <= 63),
    stage       text NOT NULL CHECK (length(stage) <= 63),
    commit_sha  text NOT NULL CHECK (commit_sha ~ '^[0-9a-f]{40}([0-9a-f]{24})?$'),
    digest      char(64) NOT NULL REFERENCES report_contents,
    verdict     text NOT NULL CHECK (length(verdict) <= 40),
    pack        text NOT NULL CHECK (length(pack) <= 63),
    recorded_at timestamptz NOT NULL DEFAULT now()
);
-- What brought the commit here (a delivery of the forge): beside the report, whose bytes can be made again without it.
ALTER TABLE reports ADD COLUMN IF NOT EXISTS correlation text NOT NULL DEFAULT '' CHECK (length(correlation) <= 64);
CREATE INDEX IF NOT EXISTS reports_by_commit ON reports (namespace, app, stage, commit_sha, id DESC);
CREATE INDEX IF NOT EXISTS reports_by_digest ON reports (digest);

-- What each application's badge says now, a line a stage. Not a report: it changes, and can be made again by a pass.
CREATE TABLE IF NOT EXISTS badges (
    namespace text NOT NULL CHECK (length(namespace) <= 63),
    app       text NOT NULL CHECK (length(app) <= 63),
    stage     text NOT NULL CHECK (length(stage) <= 63),
    state     text NOT NULL CHECK (length(state) <= 40),
    sentence  text NOT NULL CHECK (length(sentence) <= 255),
    day       date,
    since     date NOT NULL,                  -- from when the state holds
    PRIMARY KEY (namespace, app, stage)
);

CREATE OR REPLACE FUNCTION reports_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'un rapport ne change pas et ne disparaît pas';
END $$;
DROP TRIGGER IF EXISTS append_only ON reports;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reports
    FOR EACH STATEMENT EXECUTE FUNCTION reports_are_append_only();
DROP TRIGGER IF EXISTS append_only ON report_contents;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON report_contents
    FOR EACH STATEMENT EXECUTE FUNCTION reports_are_append_only();
