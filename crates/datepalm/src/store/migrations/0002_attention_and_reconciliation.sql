-- What contradicts what in an order's facts, as a list: a new contradiction must be told from an old one (R2).
alter table sessions add column contradictions text not null default '[]';
update sessions set contradictions = '["found before contradictions were told apart"]' where contradicted = 1;
alter table sessions drop column contradicted;

-- Points for a person. `marks` is what was there to see: a mark that a resolved point holds raises nothing again.
create table attention_points (
    id text primary key,
    account text not null,
    payment text not null references payments (id),
    session text,
    operation text,
    reason text not null,
    since_ms bigint not null,
    resolved_at_ms bigint,
    marks text not null
);
create index attention_points_payment on attention_points (payment, id);
create index attention_points_open on attention_points (account, id) where resolved_at_ms is null;
create index attention_points_resolved on attention_points (account, id) where resolved_at_ms is not null;
-- Until here a payment had each reason once, so its id and a digit for the reason make an id.
insert into attention_points (id, account, payment, reason, since_ms, marks)
    select 'att_' || substr(attention.payment, 5, 31) || case attention.reason when 'order_mismatch' then '0'
            when 'order_not_found' then '1' when 'unknown_status' then '2' when 'books_differ' then '3'
            when 'cannot_attribute' then '4' when 'tamara_refuses_access' then '5' when 'plan_refused' then '6' else '7' end,
        payments.account, attention.payment, attention.reason, attention.since_ms, '[]'
    from attention join payments on payments.id = attention.payment where attention.resolved_at_ms is null;
drop table attention;

-- What persons decided: a point resolved, an operation ended. `note` is theirs and stands nowhere else.
create table interventions (
    id text primary key,
    account text not null,
    payment text not null references payments (id),
    kind text not null,
    about text not null,
    outcome text,
    note text not null,
    by_key text not null,
    key text not null,
    fingerprint text not null,
    at_ms bigint not null
);
create unique index interventions_key on interventions (account, kind, key);
create index interventions_payment on interventions (payment, id);
create index interventions_about on interventions (about);

-- A comparison of our books with Tamara's: of one payment, or of all payments of an account that can still change. The
-- row is also the work: `next_at_ms` is moved ahead by whoever works on it, `cursor_id` is the last payment that is done.
create table reconciliations (
    id text primary key,
    account text not null,
    payment text,
    state text not null,
    pass bigint not null,
    cursor_id text not null,
    payments bigint not null,
    next_at_ms bigint not null,
    key text not null,
    fingerprint text not null,
    started_at_ms bigint not null,
    ended_at_ms bigint
);
create unique index reconciliations_key on reconciliations (account, key);
create index reconciliations_account on reconciliations (account, id);
create index reconciliations_running on reconciliations (next_at_ms) where state = 'running';

-- What such a comparison found, written in the transaction that took the read in; `what` is `not_read` where none came.
create table reconciliation_findings (
    reconciliation text not null references reconciliations (id),
    payment text not null,
    session text not null,
    what text not null,
    about text not null,
    ours text not null,
    tamaras text not null,
    amount_minor bigint,
    done text not null,
    found_at_ms bigint not null,
    primary key (reconciliation, payment, session, what, about)
);
