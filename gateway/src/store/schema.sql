-- The schema, one text for SQLite and PostgreSQL: BIGINT, TEXT and BYTEA only; times are microseconds since the epoch.
-- Every `sealed` column opens under the storage key alone, every `*_ref`, `row` and `name` is a keyed pseudonym:
-- nothing personal stands here in clear.

CREATE TABLE letter (
    id          TEXT PRIMARY KEY,          -- SG-XXXX-XXXX, public, says nothing
    state       TEXT NOT NULL,             -- queued held refused delivered expired failed
    created     BIGINT NOT NULL,
    due         BIGINT,                    -- when it is next looked at; NULL once final
    deadline    BIGINT,                    -- when waiting ends; NULL once final
    attempts    BIGINT NOT NULL,
    settled     BIGINT,                    -- when it became final
    wake        BIGINT NOT NULL,           -- counts register changes that touched it
    lease_until BIGINT NOT NULL,           -- 0: nobody has it
    lease_token BIGINT NOT NULL,           -- fencing: only the newest lease settles
    sender_ref  BYTEA NOT NULL,
    subject_ref BYTEA,
    agency_ref  BYTEA,
    mailbox_ref BYTEA NOT NULL,            -- its recipient's address: whoever comes to list it, or lists it no more
    domain_ref  BYTEA NOT NULL,            -- and that address's domain
    blob        TEXT,                      -- NULL once final
    wrapped_key BYTEA,                     -- NULL once final: the letter is erased everywhere
    sealed      BYTEA,                     -- the record, under the letter's own key; NULL once final
    summary     BYTEA NOT NULL,            -- sealed: who, whom, what for; outlives the letter
    standing    BYTEA NOT NULL             -- sealed: why it stands where it stands
);
CREATE INDEX letter_due ON letter (due, created) WHERE due IS NOT NULL;
CREATE INDEX letter_lease ON letter (lease_until) WHERE lease_until > 0;
CREATE INDEX letter_state ON letter (state, created);
CREATE INDEX letter_blob ON letter (blob) WHERE blob IS NOT NULL;
CREATE INDEX letter_sender ON letter (sender_ref) WHERE due IS NOT NULL;
CREATE INDEX letter_subject ON letter (subject_ref) WHERE due IS NOT NULL;
CREATE INDEX letter_agency ON letter (agency_ref) WHERE due IS NOT NULL;
CREATE INDEX letter_mailbox ON letter (mailbox_ref) WHERE due IS NOT NULL;
CREATE INDEX letter_domain ON letter (domain_ref) WHERE due IS NOT NULL;

CREATE TABLE trail (
    letter TEXT NOT NULL,
    n      BIGINT NOT NULL,                -- 1, 2, 3 … for each letter
    sealed BYTEA NOT NULL,
    PRIMARY KEY (letter, n)
);

CREATE TABLE notice (
    id          TEXT PRIMARY KEY,
    letter      TEXT NOT NULL,
    created     BIGINT NOT NULL,
    due         BIGINT NOT NULL,
    attempts    BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    lease_token BIGINT NOT NULL,
    sealed      BYTEA NOT NULL
);
CREATE INDEX notice_due ON notice (due, created);

CREATE TABLE answer (                      -- answers to requests that carried an Idempotency-Key
    name    BYTEA PRIMARY KEY,
    expires BIGINT NOT NULL,
    sealed  BYTEA NOT NULL
);
CREATE INDEX answer_expires ON answer (expires);

CREATE TABLE record (                      -- one row of one register
    row     BYTEA PRIMARY KEY,
    list    TEXT NOT NULL,
    changed BIGINT NOT NULL,
    sealed  BYTEA NOT NULL
);
CREATE INDEX record_list ON record (list, row);

CREATE TABLE record_name (                 -- what a row is found by
    name BYTEA NOT NULL,
    row  BYTEA NOT NULL,
    sole BIGINT NOT NULL,                  -- 1: no other row may go by this name
    PRIMARY KEY (name, row)
);
CREATE INDEX record_name_row ON record_name (row);
CREATE UNIQUE INDEX record_name_sole ON record_name (name) WHERE sole = 1;

CREATE TABLE record_past (                 -- what a row was, until it changed
    row     BYTEA NOT NULL,
    n       BIGINT NOT NULL,
    sealed  BYTEA NOT NULL,
    PRIMARY KEY (row, n)
);

CREATE TABLE ledger (
    seq      BIGINT PRIMARY KEY,           -- 1, 2, 3 … without a gap
    entry    TEXT NOT NULL,                -- JSON; pseudonyms in place of identifiers
    previous BYTEA NOT NULL,
    hash     BYTEA NOT NULL
);

CREATE TABLE ledger_open (                 -- disclosures begun whose outcome is not yet written
    seq    BIGINT PRIMARY KEY,
    letter TEXT NOT NULL
);
