-- Tries that Tamara turned away are counted apart from those that never left: only they say that access is refused (R21).
alter table operations add column turned_away_in_a_row bigint not null default 0;
