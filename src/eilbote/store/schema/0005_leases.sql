-- Several processes that serve one PostgreSQL: who is there, who holds which account and until when
-- (seconds since 1970 by the database's clock), and which account a wish is about.

DROP TABLE lease;

CREATE TABLE process (
    id {identity},
    name TEXT NOT NULL,             -- what its connections are called in pg_stat_activity
    holder TEXT NOT NULL,           -- JSON
    serves {integer} NOT NULL,
    expires {real} NOT NULL
) {plain};

-- `epoch` grows with every change of hands; `process` is 0 while nobody holds the account.
CREATE TABLE lease (
    account {integer} PRIMARY KEY,
    epoch {integer} NOT NULL,
    process {integer} NOT NULL,
    expires {real} NOT NULL
) {plain};
-- With it, whoever writes under an epoch (FOR KEY SHARE) waits for a change of hands, and the other
-- way round; a renewal, which leaves the epoch alone, waits for nobody.
CREATE UNIQUE INDEX lease_epoch ON lease (account, epoch);

ALTER TABLE wish ADD COLUMN account {integer} NOT NULL DEFAULT 0;
