WITH RECURSIVE
hour_of_day AS (
    SELECT 0 AS hour
    UNION ALL
    SELECT h.hour + 1
    FROM hour_of_day AS h
    WHERE h.hour < 23
),

rule AS NOT MATERIALIZED (
    SELECT
        p.*,
        c.now,
        c.since,
        hours_between_windows(p) AS hours_apart,
        coalesce(p.window_length_hours, min(4, hours_between_windows(p))) AS length_hours,
        p.valid_to <= c.now AS is_over,
        -- NULL if no later look confirmed the policy.
        CASE WHEN p.valid_to <= c.now THEN last_look_before(p.droplet_id, p.valid_to) END AS last_read_at
    FROM report_clock AS c
    CROSS JOIN backup_policies AS p
    WHERE p.is_enabled AND p.valid_from <= c.now
),

-- One row for each hour of the day at which a policy's windows open.
policy AS (
    SELECT
        k.account,
        k.droplet_id,
        k.droplet,
        k.first_look_at,
        k.last_observed_at,
        p.plan,
        h.hour,
        h.hour + p.length_hours AS end_hour,
        p.retention_days,
        CASE WHEN p.plan = 'weekly' THEN instr('SUN MON TUE WED THU FRI SAT', p.weekday) / 4 END AS weekday,
        -- Since the window of its oldest backup, or a retention before it; NULL if the first look read another policy, and
        -- where no day before the policy is asked about.
        CASE
            WHEN day_of(p.valid_from) >= asked_from('0001-01-01') AND p.valid_from <= k.first_look_at AND NOT EXISTS (
                SELECT 1
                FROM backup_policies AS e
                WHERE e.droplet_id = p.droplet_id AND e.valid_from < p.valid_from
            ) THEN max(
                datetime(k.first_look_at, '-' || p.retention_days || ' days'),
                (
                    SELECT datetime(
                        b.created_at,
                        '-' || CASE WHEN p.plan IN ('daily', 'weekly') THEN p.length_hours + 12 ELSE p.hours_apart END || ' hours',
                        '+1 second'
                    )
                    FROM backups AS b
                    WHERE b.droplet_id = k.droplet_id AND b.first_seen_at <= k.first_look_at
                    ORDER BY b.created_at
                    LIMIT 1
                )
            )
        END AS assumed_from,
        max(p.valid_from, coalesce(k.pruned_before, p.valid_from)) AS read_from,
        k.pruned_before,
        CASE WHEN p.is_over THEN p.last_read_at ELSE coalesce(k.unselected_since, p.now) END AS known_until,
        p.now
    FROM known_droplets AS k
    INNER JOIN rule AS p ON p.droplet_id = k.droplet_id
    INNER JOIN hour_of_day AS h ON h.hour % min(p.hours_apart, 24) = p.hour % min(p.hours_apart, 24)
),

-- Windows as they were announced: shown until they opened, under a policy that the first look past their end read too.
announced AS (
    SELECT
        k.account,
        k.droplet_id,
        k.droplet,
        k.first_look_at,
        k.last_observed_at,
        p.plan,
        p.retention_days,
        p.now,
        p.since,
        w.starts_at,
        w.ends_at,
        day_of(w.starts_at) AS day
    FROM known_droplets AS k
    INNER JOIN droplet_windows AS w ON w.droplet_id = k.droplet_id
    INNER JOIN rule AS p
        ON p.droplet_id = w.droplet_id
        AND p.valid_from <= w.valid_from
        AND (p.valid_to IS NULL OR p.valid_to > w.valid_from)
    WHERE
        p.hours_apart IS NULL
        AND w.valid_from <= w.starts_at
        AND (w.valid_to IS NULL OR w.valid_to >= w.starts_at)
        AND w.starts_at >= coalesce(k.pruned_before, w.starts_at)
        AND w.ends_at <= datetime(p.now, '-12 hours')
        AND w.ends_at <= CASE WHEN p.is_over THEN p.last_read_at ELSE k.last_observed_at END
),

span AS (
    SELECT
        account,
        droplet_id,
        droplet,
        first_look_at,
        last_observed_at,
        plan,
        retention_days,
        now,
        weekday,
        hour,
        -- Written once, not for each window.
        '+' || hour || ' hours' AS to_start,
        '+' || end_hour || ' hours' AS to_end,
        '+' || (end_hour + 12) || ' hours' AS to_awaited_until,
        '+' || (hour + 24 * retention_days) || ' hours' AS to_expiry,
        -- The first day whose window opens while the policy is in force, and the last whose window ends in time.
        date(
            min(read_from, max(coalesce(assumed_from, read_from), coalesce(pruned_before, '0001-01-01'))),
            '-' || hour || ' hours',
            '+86399 seconds'
        ) AS first_day,
        date(min(known_until, datetime(now, '-12 hours')), '-' || end_hour || ' hours') AS last_day
    FROM policy
),

day AS (
    SELECT max(min(first_day), asked_from('0001-01-01')) AS day
    FROM span
    UNION ALL
    SELECT date(d.day, '+1 day')
    FROM day AS d, report_clock AS c
    WHERE d.day < day_of(c.now)
),

calendar AS MATERIALIZED (
    SELECT
        d.day,
        CAST(strftime('%w', d.day) AS integer) AS weekday,
        date(d.day, 'start of month') AS month,
        CAST(julianday(day_of(c.now)) - julianday(d.day) AS integer) AS age_days,
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
    rounded(seconds_between(d.day, s.now) / 3600 - s.hour) AS age_hours,
    d.is_recent,
    datetime(d.day, s.to_start) < s.first_look_at AS is_before_first_look,
    s.last_observed_at
FROM span AS s
CROSS JOIN calendar AS d
WHERE d.day BETWEEN s.first_day AND s.last_day AND (s.weekday IS NULL OR d.weekday = s.weekday)
UNION ALL
SELECT
    account,
    droplet_id,
    droplet,
    plan,
    retention_days,
    date(starts_at, 'start of month'),
    day,
    starts_at,
    ends_at,
    datetime(ends_at, '+12 hours'),
    datetime(starts_at, '+' || retention_days || ' days'),
    CAST(julianday(day_of(now)) - julianday(day) AS integer),
    rounded(seconds_between(starts_at, now) / 3600),
    day >= day_of(since),
    starts_at < first_look_at,
    last_observed_at
FROM announced
