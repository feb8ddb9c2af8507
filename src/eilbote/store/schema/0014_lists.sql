-- By what lists are narrowed, and what was done with many mails at once.
-- The conditions are written as `store/narrowing.py` asks them, or no index answers.

CREATE INDEX placement_unread ON placement (mailbox, date) WHERE length(replace(flags, '\Seen', '')) = length(flags);
CREATE INDEX placement_flagged ON placement (mailbox, date) WHERE replace(flags, '\Flagged', '') <> flags;
CREATE INDEX placement_labelled ON placement (mailbox, date) WHERE trim(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(' ' || flags || ' ', ' \Seen ', ' '), ' \Answered ', ' '), ' \Flagged ', ' '), ' \Deleted ', ' '), ' \Draft ', ' '), ' $Forwarded ', ' '), ' $MDNSent ', ' '), ' $Junk ', ' '), ' $NotJunk ', ' '), ' Junk ', ' '), ' NonJunk ', ' '), ' NotJunk ', ' '), ' $HasAttachment ', ' '), ' $HasNoAttachment ', ' ')) <> '';

CREATE TABLE batch (
    id {identity},
    person {integer} NOT NULL REFERENCES person ON DELETE CASCADE,
    act TEXT NOT NULL,
    mails {integer} NOT NULL,
    debts TEXT NOT NULL,            -- rows of the journal, as sets of numbers are written (1:3,7)
    undone {integer} NOT NULL DEFAULT 0,
    created {real} NOT NULL
) {plain};
CREATE INDEX batch_created ON batch (created);
