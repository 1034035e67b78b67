SELECT
    date_trunc('second', now()) AS now,
    seconds_before(date_trunc('second', now()), 90 * 86400) AS since
