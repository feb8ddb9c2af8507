-- Which packs hold the bodies of this database: `packs/database` in its home names the same id.

DROP TABLE meta;

CREATE TABLE home (id TEXT NOT NULL) {plain};
