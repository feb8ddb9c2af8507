-- Rules: the book of them, what came and was filtered, what each run did and why, what rules remember.

-- The newest row is the book; the others are the texts before.
CREATE TABLE rule_book (
    revision {integer} PRIMARY KEY,
    content TEXT NOT NULL,
    saved {real} NOT NULL,
    origin TEXT NOT NULL
) {plain};

-- How far an account's mail was filtered, and what was there before: messages up to `message`, and in the
-- inbox, under that UIDVALIDITY, UIDs below `uid`.
CREATE TABLE rule_cursor (
    account {integer} PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    change_number {integer} NOT NULL,
    message {integer} NOT NULL,
    uidvalidity {integer} NOT NULL,
    uid {integer} NOT NULL,
    since {real} NOT NULL
) {plain};

-- Mail that is not filtered again: by its id, and after a download anew by what it is.
CREATE TABLE rule_mark (
    message {integer} PRIMARY KEY,
    account {integer} NOT NULL REFERENCES account ON DELETE CASCADE,
    sha_key {integer} NOT NULL,
    message_key {integer} NOT NULL, -- of its Message-ID, 0 without one
    size {integer} NOT NULL,
    date {integer} NOT NULL,
    marked {real} NOT NULL,
    revision {integer} NOT NULL
) {plain};
CREATE INDEX rule_mark_date ON rule_mark (account, date);

-- Runs that a person began, over mail that was there.
CREATE TABLE rule_batch (
    id {identity},
    began {real} NOT NULL,
    revision {integer} NOT NULL,
    wanted TEXT NOT NULL,
    mails {integer} NOT NULL DEFAULT 0
) {plain};

CREATE TABLE rule_run (
    id {identity},
    account {integer} NOT NULL REFERENCES account ON DELETE CASCADE,
    message {integer} NOT NULL,
    mailbox TEXT NOT NULL,
    batch {integer} NOT NULL,
    origin TEXT NOT NULL,
    ran {real} NOT NULL,
    revision {integer} NOT NULL,
    rules TEXT NOT NULL,            -- names of those that acted, one a line, with a line end before and after
    deeds TEXT NOT NULL,            -- JSON
    steps TEXT NOT NULL,            -- JSON
    problem TEXT,                   -- JSON
    debts TEXT NOT NULL,            -- JSON: numbers in the journal
    outgoing TEXT NOT NULL,         -- JSON: numbers in the outbox
    undone {real}
) {plain};
CREATE INDEX rule_run_message ON rule_run (message);
CREATE INDEX rule_run_batch ON rule_run (batch) WHERE batch <> 0;
CREATE INDEX rule_run_ran ON rule_run (ran);

-- Who was answered, and which mails `duplicate` has seen.
CREATE TABLE rule_memory (
    account {integer} NOT NULL REFERENCES account ON DELETE CASCADE,
    kind TEXT NOT NULL,
    handle TEXT NOT NULL,
    item TEXT NOT NULL,
    expires {real} NOT NULL,
    PRIMARY KEY (account, kind, handle, item)
) {clustered};
CREATE INDEX rule_memory_expires ON rule_memory (expires);

-- Mailboxes that scripts for events watch, and up to which change they were looked at.
CREATE TABLE rule_watch (
    mailbox {integer} PRIMARY KEY,
    account {integer} NOT NULL REFERENCES account ON DELETE CASCADE,
    change_number {integer} NOT NULL
) {plain};
CREATE INDEX rule_watch_account ON rule_watch (account);

-- Each mail in such a mailbox as rules left or saw it last; `own`: flags that they gave it then.
CREATE TABLE rule_lying (
    mailbox {integer} NOT NULL REFERENCES rule_watch ON DELETE CASCADE,
    message {integer} NOT NULL,
    change_number {integer} NOT NULL,
    flags TEXT NOT NULL,
    own TEXT NOT NULL,
    PRIMARY KEY (mailbox, message)
) {clustered};

-- What each rule has sent to whom on a day.
CREATE TABLE rule_sent (
    account {integer} NOT NULL REFERENCES account ON DELETE CASCADE,
    day {integer} NOT NULL,
    rule TEXT NOT NULL,
    recipient TEXT NOT NULL,
    mails {integer} NOT NULL,
    PRIMARY KEY (account, day, rule, recipient)
) {clustered};
