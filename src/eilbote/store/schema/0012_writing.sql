-- Mail that is being written on the web page: what was typed, its files, and the draft that shows it to others.

CREATE TABLE writing (
    id {identity},
    account {integer} NOT NULL REFERENCES account ON DELETE CASCADE,
    key TEXT NOT NULL,                        -- of the form that began it: a form begins one
    editor TEXT NOT NULL,                     -- the form that saved last
    version {integer} NOT NULL DEFAULT 1,     -- one more with every change
    content TEXT NOT NULL,                    -- JSON
    saved {real} NOT NULL,
    message {integer} NOT NULL DEFAULT 0,     -- the draft in the mailbox for drafts; 0: none
    shown {integer} NOT NULL DEFAULT 0,       -- the version that the draft shows
    shown_at {real} NOT NULL,                 -- when it was last put there, or begun
    state TEXT NOT NULL DEFAULT 'open',
    outgoing {integer} NOT NULL DEFAULT 0,    -- the mail in the outbox
    sendings {integer} NOT NULL DEFAULT 0,    -- how often it was sent and taken back
    ended {real} NOT NULL DEFAULT 0,
    problem TEXT                              -- why the draft does not show it
) {plain};
CREATE UNIQUE INDEX writing_key ON writing (key);
CREATE INDEX writing_message ON writing (message) WHERE message <> 0;
CREATE INDEX writing_outgoing ON writing (outgoing) WHERE outgoing <> 0;

CREATE TABLE writing_file (
    id {identity},
    writing {integer} NOT NULL REFERENCES writing ON DELETE CASCADE,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    size {integer} NOT NULL,
    content_id TEXT NOT NULL,                 -- of a picture that the text shows; empty: an attachment
    file TEXT NOT NULL                        -- its name in the home's folder for them
) {plain};
CREATE INDEX writing_file_of ON writing_file (writing);
