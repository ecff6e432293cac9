-- The last warning of a deadline that was told of a session, so that each is told once (R15).
alter table sessions add column warned_kind text;
alter table sessions add column warned_percent bigint;
alter table sessions add column warned_deadline_ms bigint;
