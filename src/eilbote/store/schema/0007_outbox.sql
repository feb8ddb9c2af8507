-- Mail to be sent: the journal of sending, the frozen bytes, the dialogue of each attempt.

CREATE TABLE outgoing (
    id {identity},
    account {integer} NOT NULL REFERENCES account ON DELETE CASCADE,
    state TEXT NOT NULL,
    message_id TEXT NOT NULL,
    sender TEXT NOT NULL,
    subject TEXT NOT NULL,
    size {integer} NOT NULL,
    sha256 {blob} NOT NULL,
    recipients TEXT NOT NULL,       -- JSON
    options TEXT NOT NULL,          -- JSON
    not_before {real} NOT NULL,
    created {real} NOT NULL,
    touched {real} NOT NULL,
    policy TEXT NOT NULL,
    copying TEXT NOT NULL,
    copy_debt {integer} NOT NULL DEFAULT 0,
    origin TEXT NOT NULL,
    submission_key TEXT NOT NULL DEFAULT '',
    attempts {integer} NOT NULL DEFAULT 0,
    problem TEXT,                   -- JSON
    queue_id TEXT NOT NULL DEFAULT '',
    told {integer} NOT NULL DEFAULT 0,
    begins {real} NOT NULL,         -- from when the lifetime counts
    resent {integer} NOT NULL DEFAULT 0,
    uncertain_since {real} NOT NULL DEFAULT 0,
    answers {integer} NOT NULL DEFAULT 0,
    marks TEXT NOT NULL DEFAULT ''
) {plain};
CREATE INDEX outgoing_due ON outgoing (account, state, not_before);
CREATE INDEX outgoing_message_id ON outgoing (message_id);
CREATE UNIQUE INDEX outgoing_key ON outgoing (account, submission_key) WHERE submission_key <> '';

CREATE TABLE outgoing_body (
    outgoing {integer} PRIMARY KEY REFERENCES outgoing ON DELETE CASCADE,
    raw {blob} NOT NULL
) {plain};

CREATE TABLE outgoing_attempt (
    id {identity},
    outgoing {integer} NOT NULL REFERENCES outgoing ON DELETE CASCADE,
    began {real} NOT NULL,
    ended {real} NOT NULL,
    server TEXT NOT NULL,
    phase TEXT NOT NULL,
    taken {integer} NOT NULL,       -- recipients that the server took the mail for
    transcript TEXT NOT NULL
) {plain};
CREATE INDEX outgoing_attempt_of ON outgoing_attempt (outgoing);
CREATE INDEX outgoing_attempt_ended ON outgoing_attempt (ended) WHERE taken > 0;

-- Accounts whose sending waits: the server refused the login.
CREATE TABLE sending_pause (
    account {integer} PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    since {real} NOT NULL,
    tries {integer} NOT NULL,
    next_try {real},
    problem TEXT NOT NULL           -- JSON
) {plain};

-- Accounts that have sent mail, and up to which change of theirs delivery reports were looked for.
CREATE TABLE sending_looked (
    account {integer} PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    change_number {integer} NOT NULL
) {plain};
