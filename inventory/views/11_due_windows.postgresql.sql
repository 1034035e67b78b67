WITH
rule AS NOT MATERIALIZED (
    SELECT
        p.*,
        c.now,
        c.since,
        hours_between_windows(p) AS hours_apart,
        coalesce(p.window_length_hours, least(4, hours_between_windows(p))) AS length_hours,
        p.valid_to <= c.now AS is_over,
        -- NULL if no later look confirmed the policy.
        CASE WHEN p.valid_to <= c.now THEN last_look_before(p.droplet_id, p.valid_to) END AS last_read_at
    FROM report_clock AS c
    CROSS JOIN backup_policies AS p
    WHERE p.is_enabled AND p.valid_from <= c.now
),

-- One row for each hour of the day at which a policy's windows open.
policy AS MATERIALIZED (
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
        CASE
            WHEN p.plan = 'weekly' THEN array_position(ARRAY['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'], p.weekday) - 1
        END AS weekday,
        -- Since the window of its oldest backup, or a retention before it; NULL if the first look read another policy, and
        -- where no day before the policy is asked about.
        CASE
            WHEN day_of(p.valid_from) >= asked_from('-infinity') AND p.valid_from <= k.first_look_at AND NOT EXISTS (
                SELECT 1
                FROM backup_policies AS e
                WHERE e.droplet_id = p.droplet_id AND e.valid_from < p.valid_from
            ) THEN (
                SELECT greatest(
                    k.first_look_at - p.retention_days * interval '24 hours',
                    b.created_at
                    - CASE WHEN p.plan IN ('daily', 'weekly') THEN p.length_hours + 12 ELSE p.hours_apart END
                    * interval '1 hour'
                    + interval '1 second'
                )
                FROM backups AS b
                WHERE
                    b.droplet_id = k.droplet_id
                    AND b.first_seen_at <= k.first_look_at
                    AND p.retention_days IS NOT NULL
                ORDER BY b.created_at
                LIMIT 1
            )
        END AS assumed_from,
        greatest(p.valid_from, k.pruned_before) AS read_from,
        k.pruned_before,
        CASE WHEN p.is_over THEN p.last_read_at ELSE coalesce(k.unselected_since, p.now) END AS known_until,
        p.now
    FROM known_droplets AS k
    INNER JOIN rule AS p ON p.droplet_id = k.droplet_id
    CROSS JOIN LATERAL generate_series(p.hour % least(p.hours_apart, 24), 23, least(p.hours_apart, 24)) AS h (hour)
    WHERE p.hours_apart IS NOT NULL
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
        AND w.ends_at <= p.now - interval '12 hours'
        AND w.ends_at <= CASE WHEN p.is_over THEN p.last_read_at ELSE k.last_observed_at END
),

span AS MATERIALIZED (
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
        -- Multiplied once, not for each window.
        hour * interval '1 hour' AS to_start,
        end_hour * interval '1 hour' AS to_end,
        (end_hour + 12) * interval '1 hour' AS to_awaited_until,
        (hour + 24 * retention_days) * interval '1 hour' AS to_expiry,
        -- The first day whose window opens while the policy is in force, and the last whose window ends in time.
        day_of(
            least(read_from, greatest(assumed_from, CASE WHEN assumed_from IS NOT NULL THEN pruned_before END))
            - hour * interval '1 hour' + interval '86399 seconds'
        ) AS first_day,
        day_of(least(known_until, now - interval '12 hours') - end_hour * interval '1 hour') AS last_day
    FROM policy
    WHERE known_until IS NOT NULL
),

calendar AS MATERIALIZED (
    SELECT
        t.today - n.age_days AS day,
        CAST(t.today - n.age_days AS timestamp) AT TIME ZONE 'UTC' AS begins_at,
        CAST(date_trunc('month', CAST(t.today - n.age_days AS timestamp)) AS date) AS month,
        n.age_days,
        CAST(extract(DOW FROM t.today - n.age_days) AS integer) AS weekday,
        t.today - n.age_days >= t.since_day AS is_recent
    FROM (
        SELECT
            day_of(c.now) AS today,
            day_of(c.since) AS since_day
        FROM report_clock AS c
    ) AS t
    CROSS JOIN LATERAL generate_series(0, t.today - (SELECT greatest(min(first_day), asked_from('-infinity')) FROM span)) AS n (age_days)
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
    rounded(seconds_between(d.begins_at, s.now) / 3600 - s.hour) AS age_hours,
    d.is_recent,
    d.begins_at + s.to_start < s.first_look_at AS is_before_first_look,
    s.last_observed_at
FROM span AS s
INNER JOIN calendar AS d
    ON d.day BETWEEN s.first_day AND s.last_day AND (s.weekday IS NULL OR d.weekday = s.weekday)
UNION ALL
SELECT
    account,
    droplet_id,
    droplet,
    plan,
    retention_days,
    CAST(date_trunc('month', CAST(day AS timestamp)) AS date),
    day,
    starts_at,
    ends_at,
    ends_at + interval '12 hours',
    starts_at + retention_days * interval '24 hours',
    day_of(now) - day,
    rounded(seconds_between(starts_at, now) / 3600),
    day >= day_of(since),
    starts_at < first_look_at,
    last_observed_at
FROM announced
