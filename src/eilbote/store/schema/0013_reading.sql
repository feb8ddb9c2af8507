-- Senders whose pictures from elsewhere a user always wants to see, and answers to invitations.

CREATE TABLE picture_sender (
    person {integer} NOT NULL REFERENCES person ON DELETE CASCADE,
    address TEXT NOT NULL,          -- in the form in which two spellings are equal
    voucher TEXT NOT NULL,          -- the server that vouched for the sender when the user said so
    PRIMARY KEY (person, address)
) {clustered};

CREATE TABLE invitation_answer (
    account {integer} NOT NULL REFERENCES account ON DELETE CASCADE,
    event TEXT NOT NULL,            -- a hash of what names it, the occasion of a series included
    sequence {integer} NOT NULL,    -- of the event as it was answered
    answer TEXT NOT NULL,
    outgoing {integer} NOT NULL,    -- the mail in the outbox that says so
    PRIMARY KEY (account, event)
) {clustered};
