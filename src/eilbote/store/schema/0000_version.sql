-- Which migration this database has seen last.
CREATE TABLE schema_version (version {integer} NOT NULL) {plain};
