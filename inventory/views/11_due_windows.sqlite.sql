WITH RECURSIVE
schedule AS MATERIALIZED (
    SELECT
        s.*,
        number_of_weekday(s.weekday) AS number_of_weekday,
        -- Written once, not for each window.
        '+' || s.opens_after_hours || ' hours' AS to_start,
        '+' || (s.opens_after_hours + s.length_hours) || ' hours' AS to_end,
        '+' || (s.opens_after_hours + s.length_hours + 12) || ' hours' AS to_awaited_until,
        '+' || (s.opens_after_hours + 24 * s.retention_days) || ' hours' AS to_expiry
    FROM window_schedules AS s
),

day AS (
    SELECT max(min(first_day), asked_from('0001-01-01')) AS day
    FROM schedule
    UNION ALL
    SELECT date(d.day, '+1 day')
    FROM day AS d, report_clock AS c
    WHERE d.day < day_of(c.now)
),

calendar AS MATERIALIZED (
    SELECT
        d.day,
        CAST(strftime('%w', d.day) AS integer) AS number_of_weekday,
        date(d.day, 'start of month') AS month,
        days_between(d.day, day_of(c.now)) AS age_days,
        seconds_between(d.day, c.now) / 3600 AS age_hours,
        d.day >= day_of(c.since) AS is_recent
    FROM day AS d, report_clock AS c
)

SELECT
    s.account,
    s.droplet_id,
    s.droplet,
    s.plan,
    s.retention_days,
    d.month,
    d.day,
    datetime(d.day, s.to_start) AS window_starts_at,
    datetime(d.day, s.to_end) AS window_ends_at,
    datetime(d.day, s.to_awaited_until) AS awaited_until_at,
    datetime(d.day, s.to_expiry) AS expires_at,
    d.age_days,
    rounded(d.age_hours - s.opens_after_hours) AS age_hours,
    d.is_recent,
    datetime(d.day, s.to_start) < s.first_look_at AS is_before_first_look,
    s.last_observed_at
FROM schedule AS s
CROSS JOIN calendar AS d
WHERE d.day BETWEEN s.first_day AND s.last_day AND (s.weekday IS NULL OR d.number_of_weekday = s.number_of_weekday)
UNION ALL
SELECT * FROM announced_windows
