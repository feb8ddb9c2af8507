-- Modes: what of each mail is kept, per account (`bodies`, since 0001) and per mailbox.
-- keep: the mailbox's own mode, empty for the account's. applied: the mode that its mail was last
-- brought to, `?` while that is under way.
ALTER TABLE mailbox ADD COLUMN keep TEXT NOT NULL DEFAULT '';
ALTER TABLE mailbox ADD COLUMN applied TEXT NOT NULL DEFAULT '';
UPDATE mailbox SET applied = 'headers'
    WHERE account IN (SELECT id FROM account WHERE bodies <> 'everything');
UPDATE mailbox SET applied = 'everything' WHERE applied = '';
UPDATE account SET bodies = 'everything' WHERE bodies = 'missing';

-- What a reader found or wants and the owner's next pass has to see to. uid 0: the whole mailbox.
CREATE TABLE finding (
    mailbox {integer} NOT NULL,
    kind TEXT NOT NULL,
    uid {integer} NOT NULL,
    created {real} NOT NULL,
    PRIMARY KEY (mailbox, kind, uid)
) {clustered};
