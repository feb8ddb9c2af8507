"""DNS: what the records of a domain mean, and the record to paste where one is wrong or missing. Pure."""
