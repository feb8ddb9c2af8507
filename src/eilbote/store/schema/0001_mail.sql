-- Accounts, mailboxes, content, messages, placements, and what we owe.
-- {integer} {real} {blob} {identity} {clustered} {plain} are filled per dialect (see migrations.py).

CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) {plain};

-- Numbers handed out: never twice, not even after the row that had one is erased.
CREATE TABLE counter (name TEXT PRIMARY KEY, value {integer} NOT NULL) {plain};
INSERT INTO counter (name, value) VALUES ('message', 0), ('content', 0), ('waiting', 0), ('pack', 0);

CREATE TABLE account (
    id {identity},
    address TEXT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    login TEXT NOT NULL,
    auth TEXT NOT NULL,
    sealed {blob} NOT NULL,
    servers TEXT NOT NULL,          -- JSON: imap, smtp, pop3
    trusted TEXT NOT NULL,          -- certificate fingerprints, one a line
    problem TEXT,                   -- JSON
    change_number {integer} NOT NULL DEFAULT 0,
    created {real} NOT NULL,
    synced {real},
    bodies TEXT NOT NULL DEFAULT 'everything'
) {plain};
CREATE UNIQUE INDEX account_address ON account (lower(address));

CREATE TABLE mailbox (
    id {identity},
    account {integer} NOT NULL REFERENCES account ON DELETE CASCADE,
    name TEXT NOT NULL,
    delimiter TEXT NOT NULL,
    role TEXT,
    selectable {integer} NOT NULL,
    subscribed {integer} NOT NULL,
    object_id TEXT NOT NULL DEFAULT '',
    uidvalidity {integer} NOT NULL DEFAULT 0,
    uidnext {integer} NOT NULL DEFAULT 0,
    cursor_uid {integer} NOT NULL DEFAULT 0,
    modseq {integer} NOT NULL DEFAULT 0,
    exist {integer} NOT NULL DEFAULT 0,
    backfill TEXT NOT NULL DEFAULT '',
    messages {integer} NOT NULL DEFAULT 0,
    unread {integer} NOT NULL DEFAULT 0,
    UNIQUE (account, name)
) {plain};

-- Bodies lie in packs; `length` counts what is committed, so a torn tail lies beyond it.
CREATE TABLE pack (
    id {integer} PRIMARY KEY,
    length {integer} NOT NULL
) {plain};

-- One row per distinct body. `sha_key` is the first 63 bits of the hash: a small index.
CREATE TABLE content (
    id {integer} PRIMARY KEY,
    sha_key {integer} NOT NULL,
    sha256 {blob} NOT NULL,
    size {integer} NOT NULL,
    pack {integer} NOT NULL,
    position {integer} NOT NULL,
    length {integer} NOT NULL,
    encoding {integer} NOT NULL,
    skip {integer} NOT NULL
) {plain};
CREATE INDEX content_sha ON content (sha_key);

CREATE TABLE message (
    id {integer} PRIMARY KEY,
    account {integer} NOT NULL,
    content {integer} NOT NULL,
    size {integer} NOT NULL,
    message_key {integer} NOT NULL,
    thread {integer} NOT NULL,
    date {real},
    internal_date {real} NOT NULL,
    attachments {integer} NOT NULL,
    message_id TEXT NOT NULL,
    refs TEXT NOT NULL,             -- message ids, oldest first, one a line
    subject {blob} NOT NULL,        -- these four as they stand in the header, still encoded
    sender {blob} NOT NULL,
    recipient {blob} NOT NULL,
    copied {blob} NOT NULL,
    email_id TEXT NOT NULL
) {plain};
-- The first mail of a thread has thread = message_key, so it needs no second entry.
CREATE INDEX message_thread ON message (thread);
CREATE INDEX message_key ON message (message_key) WHERE message_key <> thread;
CREATE INDEX message_content ON message (content);
CREATE INDEX message_email ON message (email_id) WHERE email_id <> '';

-- A message where it lies. A negative uid waits for the server's number.
CREATE TABLE placement (
    mailbox {integer} NOT NULL,
    uid {integer} NOT NULL,
    message {integer} NOT NULL,
    date {integer} NOT NULL,        -- the message's internal date, for newest first
    modseq {integer} NOT NULL,
    flags TEXT NOT NULL,
    PRIMARY KEY (mailbox, uid)
) {clustered};
CREATE INDEX placement_message ON placement (message);
CREATE INDEX placement_date ON placement (mailbox, date);

-- Where a message lay until it went: for undo, kept apart so that live queries never meet it.
CREATE TABLE tombstone (
    id {identity},
    account {integer} NOT NULL,
    mailbox {integer} NOT NULL,
    mailbox_name TEXT NOT NULL,
    uid {integer} NOT NULL,
    message {integer} NOT NULL,
    flags TEXT NOT NULL,
    removed_at {real} NOT NULL
) {plain};
CREATE INDEX tombstone_message ON tombstone (message);
CREATE INDEX tombstone_removed ON tombstone (removed_at);

CREATE TABLE label (
    message {integer} NOT NULL,
    label TEXT NOT NULL,
    PRIMARY KEY (message, label)
) {clustered};

CREATE TABLE quarantine (
    mailbox {integer} NOT NULL,
    uid {integer} NOT NULL,
    problem TEXT NOT NULL,
    created {real} NOT NULL,
    PRIMARY KEY (mailbox, uid)
) {clustered};

-- The change feed: one row stands for `span` numbers up to `number`, and for as many messages
-- from `message` on, so that a thousand arrivals cost one row.
CREATE TABLE change (
    account {integer} NOT NULL,
    number {integer} NOT NULL,
    span {integer} NOT NULL,
    kind TEXT NOT NULL,
    mailbox {integer} NOT NULL,
    message {integer} NOT NULL,
    PRIMARY KEY (account, number)
) {clustered};

-- What an erasure still has to do after its commit, so that a crash cannot stop it half way:
-- records to overwrite (pack, position, length) and messages the index must forget.
CREATE TABLE erasure (
    id {identity},
    message {integer} NOT NULL DEFAULT 0,
    pack {integer} NOT NULL DEFAULT 0,
    position {integer} NOT NULL DEFAULT 0,
    length {integer} NOT NULL DEFAULT 0
) {plain};

CREATE TABLE journal (
    id {identity},
    account {integer} NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    mailbox {integer} NOT NULL,
    uidvalidity {integer} NOT NULL,
    uid {integer} NOT NULL,
    message {integer} NOT NULL,
    source TEXT NOT NULL,           -- a mailbox's name on the server before rename or removal
    target TEXT NOT NULL,
    target_mailbox {integer} NOT NULL,
    placement {integer} NOT NULL,
    add_flags TEXT NOT NULL,
    remove_flags TEXT NOT NULL,
    origin TEXT NOT NULL,
    created {real} NOT NULL,
    touched {real} NOT NULL,
    attempts {integer} NOT NULL,
    problem TEXT,
    undo_of {integer} NOT NULL
) {plain};
CREATE INDEX journal_owed ON journal (account) WHERE state IN ('open', 'sent');
CREATE INDEX journal_message ON journal (message);
CREATE INDEX journal_waiting ON journal (placement);
CREATE INDEX journal_uid ON journal (mailbox, uid);

CREATE TABLE conflict (
    id {identity},
    account {integer} NOT NULL,
    mailbox {integer} NOT NULL,
    message {integer} NOT NULL,
    debt {integer} NOT NULL,
    rule TEXT NOT NULL,
    detail TEXT NOT NULL,           -- JSON
    created {real} NOT NULL
) {plain};

CREATE TABLE wish (
    id {identity},
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    claimed {real},
    answer TEXT,
    created {real} NOT NULL
) {plain};

CREATE TABLE lease (
    name TEXT PRIMARY KEY,
    epoch {integer} NOT NULL,
    holder TEXT NOT NULL
) {plain};
