-- What was known before an operation was sent, and which read began after it, goes by the payment's version: clocks of
-- nodes may differ (R19), transactions have one order. Old rows count as known before.
alter table entries add column seen_version bigint not null default 0;
alter table operations add column first_sent_version bigint;
alter table operations add column last_sent_version bigint;
