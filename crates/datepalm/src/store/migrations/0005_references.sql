-- Every reference that an order of the account has, had or was asked to take: unique for ever (R6).
create table order_references (
    account text not null,
    reference text not null,
    session text not null references sessions (id),
    primary key (account, reference)
);
insert into order_references (account, reference, session) select account, order_reference_id, id from sessions;
drop index sessions_reference;

-- Changes of the reference are in the journal: one at a time, beside money operations, not among them (R16, R17).
alter table operations add column reference text;
drop index operations_money_in_flight;
create unique index operations_money_in_flight on operations (payment)
    where state in ('intent', 'sending', 'unknown') and kind not in ('create_session', 'update_reference');
create unique index operations_reference_in_flight on operations (payment)
    where state in ('intent', 'sending', 'unknown') and kind = 'update_reference';

-- Looks and notifications are taken up account by account, as fast as the account's orders may be read (R25).
drop index payments_next_check;
create index payments_next_check on payments (account, next_check_at_ms);
drop index inbox_waiting;
create index inbox_waiting on inbox (account, id) where state = 'new';
