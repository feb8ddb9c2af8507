-- Senders whose pictures from elsewhere a user always wants to see.

CREATE TABLE picture_sender (
    person {integer} NOT NULL REFERENCES person ON DELETE CASCADE,
    address TEXT NOT NULL,          -- in the form in which two spellings are equal
    voucher TEXT NOT NULL,          -- the server that vouched for the sender when the user said so
    PRIMARY KEY (person, address)
) {clustered};
