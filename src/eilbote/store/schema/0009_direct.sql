-- Delivering without a submission server: MTA-STS policies of domains (RFC 8461 section 5.1: kept until
-- they run out), keys that sign mail, and what TLS came to with each domain, by day (RFC 8460).

CREATE TABLE sts_policy (
    domain TEXT PRIMARY KEY,
    policy_id TEXT NOT NULL,
    policy TEXT NOT NULL,           -- JSON
    fetched {real} NOT NULL
) {plain};

CREATE TABLE dkim_key (
    account {integer} PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    domain TEXT NOT NULL,
    selector TEXT NOT NULL,
    sealed {blob} NOT NULL,
    created {real} NOT NULL
) {plain};

CREATE TABLE tls_result (
    day TEXT NOT NULL,
    domain TEXT NOT NULL,
    policy TEXT NOT NULL,
    host TEXT NOT NULL,
    result TEXT NOT NULL,
    sessions {integer} NOT NULL,
    PRIMARY KEY (day, domain, policy, host, result)
) {clustered};
