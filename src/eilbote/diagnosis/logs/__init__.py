"""LOGS: what lines of mail servers' logs mean. Pure: lines become events, events become groups."""
