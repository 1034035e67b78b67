SELECT
    datetime('now') AS now,
    seconds_before(datetime('now'), 90 * 86400) AS since
