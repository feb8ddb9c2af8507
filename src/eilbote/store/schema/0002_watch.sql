-- What the process that serves does for each account, for others to see. Empty while nobody serves.

CREATE TABLE watch (
    account {integer} PRIMARY KEY,
    state TEXT NOT NULL,
    since {real} NOT NULL,
    until {real},
    problem TEXT                    -- JSON
) {plain};
