-- Text and bigint only: money in minor units, times in milliseconds since the epoch, flags 0/1, JSON as text.
-- One row per payment: the wish, and marks; never a conclusion except `status`, kept for lists and recomputed on
-- every write. `held_reference` is the hold of R7: taken and given up, unique per account.
create table payments (
    id text primary key,
    account text not null,
    merchant_reference text not null,
    held_reference text,
    content_hash text not null,
    currency text not null,
    total_minor bigint not null,
    country text not null,
    locale text not null,
    description text not null,
    capture_mode text not null,
    content text not null,
    return_urls text not null,
    status text not null,
    ever_paid bigint not null,
    winner text,
    cancel_state text,
    cancel_promise text,
    cancel_at_ms bigint,
    cancel_key text,
    check_step bigint not null,
    next_check_at_ms bigint,
    version bigint not null,
    created_at_ms bigint not null
);
create unique index payments_held on payments (account, held_reference);
create unique index payments_cancel_key on payments (account, cancel_key);
create index payments_reference on payments (account, merchant_reference);
create index payments_status on payments (account, status, id);
create index payments_next_check on payments (next_check_at_ms);

-- The one home of personal data; deleted or blanked without touching anything else.
create table payment_people (
    payment text primary key references payments (id),
    people text not null
);

create table payment_metadata (
    payment text not null references payments (id),
    key text not null,
    value text not null,
    primary key (payment, key)
);

create table sessions (
    id text primary key,
    payment text not null references payments (id),
    account text not null,
    number bigint not null,
    order_reference_id text not null,
    return_token text not null,
    order_id text,
    checkout_id text,
    checkout_url text,
    opened_at_ms bigint,
    customer_canceled bigint not null,
    unwanted bigint not null,
    order_rank text not null,
    approved_at_ms bigint,
    authorised_at_ms bigint,
    contradicted bigint not null,
    trusted_at_ms bigint,
    doubted_at_ms bigint,
    doubt text,
    created_at_ms bigint not null
);
create unique index sessions_reference on sessions (account, order_reference_id);
create unique index sessions_order on sessions (account, order_id);
create unique index sessions_return on sessions (return_token);
create index sessions_payment on sessions (payment);

-- Captures, refunds and cancels by Tamara's ids: the sets of R2.
create table entries (
    session text not null references sessions (id),
    kind text not null,
    tamara_id text not null,
    payment text not null,
    amount_minor bigint not null,
    seen_at_ms bigint not null,
    refund_rank bigint not null,
    merchant_refund_id text,
    shipped_at_s bigint,
    item_refs text not null,
    operation text,
    primary key (session, kind, tamara_id)
);
create index entries_payment on entries (payment);

-- The journal (R16). `key` is the caller's idempotency key or a plan's, for ever (R26).
create table operations (
    id text primary key,
    account text not null,
    payment text not null references payments (id),
    session text not null references sessions (id),
    kind text not null,
    key text not null,
    fingerprint text not null,
    state text not null,
    origin text not null,
    amount_minor bigint not null,
    everything_left bigint not null,
    shipped_at_s bigint,
    item_refs text not null,
    details text not null,
    attempt bigint not null,
    doubt_from_attempt bigint,
    may_repeat bigint not null,
    repeat_refused bigint not null,
    not_sent_in_a_row bigint not null,
    late_reads bigint not null,
    first_sent_at_ms bigint,
    last_sent_at_ms bigint,
    next_try_at_ms bigint not null,
    lease_token text,
    lease_until_ms bigint,
    reason text,
    tamara_id text,
    created_at_ms bigint not null,
    ended_at_ms bigint
);
create unique index operations_key on operations (account, kind, key);
-- At most one money operation of a payment in flight (R17); at most one create under way (R22).
create unique index operations_money_in_flight on operations (payment)
    where state in ('intent', 'sending', 'unknown') and kind <> 'create_session';
create unique index operations_create_under_way on operations (payment)
    where state in ('intent', 'sending') and kind = 'create_session';
create index operations_payment on operations (payment);
create index operations_open on operations (next_try_at_ms) where state in ('intent', 'sending', 'unknown');

-- One row per call to Tamara, reads included. Nothing points here; pruned by age. `raw` is the redactable column.
create table attempts (
    id text primary key,
    account text not null,
    payment text not null,
    session text,
    operation text,
    kind text not null,
    number bigint not null,
    started_at_ms bigint not null,
    ended_at_ms bigint not null,
    outcome text not null,
    http_status bigint,
    codes text not null,
    raw text
);
create index attempts_payment on attempts (payment, id);

-- Notifications as they came. `raw` is the redactable column.
create table inbox (
    id text primary key,
    account text not null,
    order_id text,
    word text not null,
    state text not null,
    payment text,
    received_at_ms bigint not null,
    done_at_ms bigint,
    raw text
);
create index inbox_waiting on inbox (id) where state = 'new';
create index inbox_unmatched on inbox (account, order_id) where state = 'unmatched';
create index inbox_payment on inbox (payment, id);

-- Facts for others; numbered by one sequencer after the commit, readers see numbered ones only.
create table events (
    id text primary key,
    account text not null,
    payment text not null,
    version bigint not null,
    ordinal bigint not null,
    kind text not null,
    data text not null,
    created_at_ms bigint not null,
    seq bigint
);
create unique index events_seq on events (seq);
create index events_unnumbered on events (created_at_ms, version, ordinal, id) where seq is null;
create index events_payment on events (payment, version, ordinal);

create table attention (
    payment text not null references payments (id),
    reason text not null,
    since_ms bigint not null,
    resolved_at_ms bigint,
    note text,
    primary key (payment, reason, since_ms)
);
create index attention_open on attention (payment) where resolved_at_ms is null;

-- What an account was at its first start (R28).
create table accounts (
    name text primary key,
    country text not null,
    environment text not null,
    created_at_ms bigint not null
);

create table api_keys (
    id text primary key,
    account text not null,
    kind text not null,
    hash text not null,
    hint text not null,
    created_at_ms bigint not null,
    revoked_at_ms bigint
);
create unique index api_keys_hash on api_keys (hash);

-- Single values: the last event number, secrets that the service made for itself.
create table instance (
    name text primary key,
    value text not null
);
