-- R30. The restore that a session waits for a read after; few rows have one, and none most of the time.
alter table sessions add column restored_at_ms bigint;
alter table sessions add column restored_version bigint;
create index sessions_restored on sessions (payment) where restored_at_ms is not null;
