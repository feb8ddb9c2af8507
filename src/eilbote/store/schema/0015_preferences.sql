-- What users choose for themselves, since when they are signed in, links with which they choose a password,
-- and codes that stand in for a lost second factor. Of links and codes only the hashes are kept.

ALTER TABLE person ADD COLUMN preferences TEXT NOT NULL DEFAULT '';  -- JSON, empty: nothing was chosen

ALTER TABLE signed_in ADD COLUMN begun {real} NOT NULL DEFAULT 0;
ALTER TABLE signed_in ADD COLUMN seen {real} NOT NULL DEFAULT 0;
ALTER TABLE signed_in ADD COLUMN browser TEXT NOT NULL DEFAULT '';
CREATE INDEX signed_in_person ON signed_in (person);

-- One for each user: a new one takes the place of the one before.
CREATE TABLE password_link (
    person {integer} PRIMARY KEY REFERENCES person ON DELETE CASCADE,
    token TEXT NOT NULL,
    expires {real} NOT NULL
) {plain};
CREATE UNIQUE INDEX password_link_token ON password_link (token);

CREATE TABLE recovery_code (
    person {integer} NOT NULL REFERENCES person ON DELETE CASCADE,
    code TEXT NOT NULL,
    PRIMARY KEY (person, code)
) {clustered};
