-- Who signed in at a provider's own page (OAuth 2.0). `server` says where tokens are asked for, as JSON without
-- any secret; `sealed` holds the tokens and the client's secret. `number` is another one after every sign-in, so
-- that no late answer to an older one overwrites it. `problem`: why the last renewal failed; with `again`, it
-- may be tried once more from then on, without it only after somebody has signed in again.

CREATE TABLE oauth_grant (
    account {integer} PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    number {integer} NOT NULL,
    server TEXT NOT NULL,
    sealed {blob} NOT NULL,
    obtained {real} NOT NULL,
    expires {real} NOT NULL,
    signed_in {real} NOT NULL,
    problem TEXT,
    again {real}
) {plain};

-- The user's own registration at a provider, by the provider's name here or its issuer.

CREATE TABLE oauth_client (
    server TEXT PRIMARY KEY,
    client_id TEXT NOT NULL,
    sealed {blob}
) {plain};
