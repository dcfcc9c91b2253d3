"""What is in an index: SQL that makes it, that brings an older one up to date, that checks it."""

APPLICATION = 0x56656C61  # in the file's header; "Vela"
FIRST = (  # indexes of version 0.1 have no more, and no mark in the header
    "CREATE TABLE meta (version TEXT NOT NULL)",
    """CREATE TABLE files (
    path BLOB PRIMARY KEY,       -- absolute, as the system spells it
    size INTEGER NOT NULL,
    modified INTEGER NOT NULL,   -- nanoseconds
    content BLOB,                -- hash of the bytes, NULL for a broken file
    error TEXT
) WITHOUT ROWID""",
    "CREATE INDEX contents ON files (content)",
    """CREATE TABLE pictures (
    number INTEGER PRIMARY KEY,
    content BLOB NOT NULL UNIQUE,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    grey BLOB NOT NULL,
    content_seen BLOB,           -- by the network; NULL where a cheaper stage had decided
    style_seen BLOB,
    compared INTEGER NOT NULL DEFAULT 0,
    pixels BLOB,                 -- hash, NULL until it mattered, as all that follows
    sharpness REAL
)""",
    """CREATE TABLE matches (
    one INTEGER NOT NULL,        -- numbers of pictures, the smaller first
    other INTEGER NOT NULL,
    similarity REAL NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (one, other)
) WITHOUT ROWID""",
)
SECOND = (
    f"PRAGMA application_id = {APPLICATION}",
    "ALTER TABLE pictures ADD COLUMN loss INTEGER",
    "ALTER TABLE pictures ADD COLUMN step REAL",  # NULL as well where the file does not tell
    "UPDATE pictures SET pixels = NULL, sharpness = NULL",  # measured in another way
    "DELETE FROM files WHERE error IS NOT NULL",  # some were remembered for want of memory
    """CREATE TABLE apart (
    one BLOB NOT NULL,           -- contents that someone said are no copies, the smaller first
    other BLOB NOT NULL,
    PRIMARY KEY (one, other)
) WITHOUT ROWID""",
)
# What SQLite does not look at: values that no index has.
UNSOUND = """
    SELECT 1 FROM files WHERE typeof(path) != 'blob' OR typeof(size) != 'integer'
    OR typeof(modified) != 'integer' OR typeof(content) NOT IN ('blob', 'null')
    OR typeof(error) NOT IN ('text', 'null')
UNION ALL
    SELECT 1 FROM pictures WHERE typeof(content) != 'blob'
    OR typeof(width) != 'integer' OR width NOT BETWEEN 1 AND 1 << 31
    OR typeof(height) != 'integer' OR height NOT BETWEEN 1 AND 1 << 31
    OR typeof(grey) != 'blob'
    OR typeof(content_seen) NOT IN ('blob', 'null')
    OR length(content_seen) != (SELECT max(length(content_seen)) FROM pictures)
    OR typeof(style_seen) NOT IN ('blob', 'null')
    OR length(style_seen) != (SELECT max(length(style_seen)) FROM pictures)
    OR typeof(pixels) NOT IN ('blob', 'null') OR typeof(sharpness) NOT IN ('real', 'null')
UNION ALL
    SELECT 1 FROM matches WHERE typeof(similarity) != 'real' OR typeof(why) != 'text'
    OR one NOT IN (SELECT number FROM pictures) OR other NOT IN (SELECT number FROM pictures)
"""
