-- R30. The restore that a session waits for a read after; few rows have one, and none most of the time.
alter table sessions add column restored_at_ms bigint;
alter table sessions add column restored_version bigint;
create index sessions_restored on sessions (payment) where restored_at_ms is not null;

-- Orders at Tamara that came to light after a restore and that no session here has: paid, or being paid, with nobody to
-- look after them. `payment` is the one whose reference they carry.
create table unknown_orders (
    account text not null,
    order_id text not null,
    order_reference_id text not null,
    order_status text not null,
    total_minor bigint not null,
    currency text not null,
    payment text,
    found_at_ms bigint not null,
    dismissed_at_ms bigint,
    primary key (account, order_id)
);
alter table inbox add column looked_at_ms bigint;
