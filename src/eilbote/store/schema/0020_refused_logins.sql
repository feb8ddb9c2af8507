-- Logins that the doctor tried and that were refused: so many within a quarter of an hour, and no more, so
-- that no provider locks the account.

CREATE TABLE refused_login (
    account {integer} NOT NULL REFERENCES account ON DELETE CASCADE,
    at {real} NOT NULL,
    protocol TEXT NOT NULL
) {plain};
CREATE INDEX refused_login_account ON refused_login (account, at);
