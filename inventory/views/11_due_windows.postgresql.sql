WITH
schedule AS MATERIALIZED (
    SELECT
        s.*,
        number_of_weekday(s.weekday) AS number_of_weekday,
        -- Multiplied once, not for each window.
        s.opens_after_hours * interval '1 hour' AS to_start,
        (s.opens_after_hours + s.length_hours) * interval '1 hour' AS to_end,
        (s.opens_after_hours + s.length_hours + 12) * interval '1 hour' AS to_awaited_until,
        (s.opens_after_hours + 24 * s.retention_days) * interval '1 hour' AS to_expiry
    FROM window_schedules AS s
),

calendar AS MATERIALIZED (
    SELECT
        t.today - n.age_days AS day,
        CAST(t.today - n.age_days AS timestamp) AT TIME ZONE 'UTC' AS begins_at,
        CAST(date_trunc('month', CAST(t.today - n.age_days AS timestamp)) AS date) AS month,
        n.age_days,
        seconds_between(CAST(t.today - n.age_days AS timestamp) AT TIME ZONE 'UTC', t.now) / 3600 AS age_hours,
        CAST(extract(DOW FROM t.today - n.age_days) AS integer) AS number_of_weekday,
        t.today - n.age_days >= t.since_day AS is_recent
    FROM (
        SELECT
            c.now,
            day_of(c.now) AS today,
            day_of(c.since) AS since_day
        FROM report_clock AS c
    ) AS t
    CROSS JOIN LATERAL generate_series(0, t.today - (SELECT greatest(min(first_day), asked_from('-infinity')) FROM schedule)) AS n (age_days)
)

SELECT
    s.account,
    s.droplet_id,
    s.droplet,
    s.plan,
    s.retention_days,
    d.month,
    d.day,
    d.begins_at + s.to_start AS window_starts_at,
    d.begins_at + s.to_end AS window_ends_at,
    d.begins_at + s.to_awaited_until AS awaited_until_at,
    d.begins_at + s.to_expiry AS expires_at,
    d.age_days,
    rounded(d.age_hours - s.opens_after_hours) AS age_hours,
    d.is_recent,
    d.begins_at + s.to_start < s.first_look_at AS is_before_first_look,
    s.last_observed_at
FROM schedule AS s
INNER JOIN calendar AS d
    ON d.day BETWEEN s.first_day AND s.last_day AND (s.weekday IS NULL OR d.number_of_weekday = s.number_of_weekday)
UNION ALL
SELECT * FROM announced_windows
