-- Who may use the web page, what they may do, and who is signed in. Of every token only its hash is kept.

CREATE TABLE person (
    id {identity},
    name TEXT NOT NULL,
    folded TEXT NOT NULL,           -- in the form in which two spellings are equal
    role TEXT NOT NULL,
    password TEXT NOT NULL,         -- Argon2id, in the PHC form
    factor {blob} NOT NULL,         -- the sealed secret of the second factor; empty: none
    factor_step {integer} NOT NULL DEFAULT 0, -- a code is good once: the time step of the last one
    created {real} NOT NULL
) {plain};
CREATE UNIQUE INDEX person_name ON person (folded);

CREATE TABLE person_right (
    person {integer} NOT NULL REFERENCES person ON DELETE CASCADE,
    account {integer} NOT NULL REFERENCES account ON DELETE CASCADE,
    may TEXT NOT NULL,
    PRIMARY KEY (person, account)
) {clustered};

CREATE TABLE signed_in (
    token TEXT PRIMARY KEY,
    person {integer} NOT NULL REFERENCES person ON DELETE CASCADE,
    expires {real} NOT NULL
) {plain};

CREATE TABLE sign_in_link (
    token TEXT PRIMARY KEY,
    expires {real} NOT NULL
) {plain};
