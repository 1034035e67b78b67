SELECT
    datetime('now') AS now,
    datetime('now', '-90 days') AS since
