SELECT
    date_trunc('second', now()) AS now,
    -- In hours: a day of interval arithmetic is one of the session's zone, and may have 23 or 25.
    date_trunc('second', now()) - interval '2160 hours' AS since
