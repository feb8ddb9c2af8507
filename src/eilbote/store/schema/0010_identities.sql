-- As whom mail is written, beside the identity that an account's address and name make.

CREATE TABLE identity (
    id {identity},
    account {integer} NOT NULL REFERENCES account ON DELETE CASCADE,
    address TEXT NOT NULL,          -- in the form in which two spellings are equal
    usual {integer} NOT NULL,       -- 1: the one that is taken where nothing says which
    content TEXT NOT NULL           -- JSON
) {plain};
CREATE UNIQUE INDEX identity_of ON identity (account, address);
