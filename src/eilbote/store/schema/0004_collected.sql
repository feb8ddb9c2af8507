-- What was collected from maildrops (POP3), and when each was last logged in to.

CREATE TABLE collected (
    id {identity},
    account {integer} NOT NULL,
    uidl TEXT NOT NULL,             -- '' where the server gave no id, or gave it twice
    size {integer},                 -- as the server listed it
    head {blob} NOT NULL,           -- hashes of header and content, empty once erased
    sha256 {blob} NOT NULL,
    message {integer} NOT NULL,
    collected {real} NOT NULL,
    deleted {integer} NOT NULL,     -- the server confirmed that it deleted the mail
    compared {integer} NOT NULL     -- its content was read under this id, not its header alone
) {plain};
CREATE INDEX collected_uidl ON collected (account, uidl);
CREATE INDEX collected_message ON collected (message);

CREATE TABLE maildrop (
    account {integer} PRIMARY KEY,
    login {real} NOT NULL,
    delay {integer} NOT NULL        -- seconds that the server wants between two logins
) {plain};
