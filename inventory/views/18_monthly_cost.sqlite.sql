WITH RECURSIVE
today AS (
    SELECT
        c.now,
        day_of(c.now) AS day,
        date(c.now, 'start of month') AS month
    FROM report_clock AS c
),

droplet AS MATERIALIZED (
    SELECT
        k.account,
        k.droplet_id,
        k.droplet,
        day_of(k.first_look_at) AS first_day,
        day_of(min(coalesce(k.gone_at, k.unselected_since), coalesce(k.unselected_since, k.gone_at))) AS last_day,
        day_of(k.pruned_before) AS pruned_day,
        (SELECT min(b.created_at) FROM backups AS b WHERE b.droplet_id = k.droplet_id) AS oldest_backup_at,
        (SELECT max(b.created_at) FROM backups AS b WHERE b.droplet_id = k.droplet_id) AS newest_backup_at
    FROM known_droplets AS k
),

-- Once: PostgreSQL, which takes the Droplets of one of many accounts for one, would read them for each of these again.
size_now AS MATERIALIZED (
    SELECT
        droplet_id,
        size_gigabytes
    FROM droplet_size_at_last_look
),

-- The enabled policies without gaps: each begins where the one before ends; the first has no begin, the last no end.
plan AS (
    SELECT
        k.droplet_id,
        p.plan,
        number_of_weekday(p.weekday) AS weekday,
        p.valid_from AS on_from,
        CASE WHEN p.valid_to <= t.now THEN p.valid_to END AS on_until,
        coalesce(lag(p.valid_to) OVER w, '0001-01-01 00:00:00') AS starts_at,
        CASE WHEN lead(p.valid_from) OVER w IS NULL THEN '9999-12-31 23:59:59' ELSE p.valid_to END AS ends_at
    FROM today AS t
    CROSS JOIN droplet AS k
    LEFT JOIN backup_policies AS p ON p.droplet_id = k.droplet_id AND p.is_enabled AND p.valid_from <= t.now
    WINDOW w AS (PARTITION BY k.droplet_id ORDER BY p.valid_from)
),

price AS (
    SELECT
        v.droplet_id,
        v.price_monthly_usd,
        coalesce(lag(v.valid_to) OVER w, '0001-01-01 00:00:00') AS starts_at,
        CASE WHEN lead(v.valid_from) OVER w IS NULL THEN '9999-12-31 23:59:59' ELSE v.valid_to END AS ends_at
    FROM today AS t
    CROSS JOIN droplet_versions AS v
    WHERE v.valid_from <= t.now
    WINDOW w AS (PARTITION BY v.droplet_id ORDER BY v.valid_from)
),

span AS MATERIALIZED (
    SELECT
        n.droplet_id,
        n.plan,
        n.weekday,
        c.price_monthly_usd,
        max(n.starts_at, c.starts_at) AS starts_at,
        min(n.ends_at, c.ends_at) AS ends_at
    FROM plan AS n
    INNER JOIN price AS c
        ON c.droplet_id = n.droplet_id
        AND c.starts_at < n.ends_at
        AND n.starts_at < c.ends_at
),

-- From the month of the first backup or look, or the first one that is asked for, to this month, or to that of a backup
-- created in the future.
month_start AS (
    SELECT
        max(
            date(
                min(min(coalesce(k.oldest_backup_at, k.first_day), coalesce(k.first_day, k.oldest_backup_at))),
                'start of month'
            ),
            asked_from('0001-01-01')
        ) AS month
    FROM droplet AS k
    UNION ALL
    SELECT date(m.month, '+1 month')
    FROM month_start AS m
    WHERE m.month < (
        SELECT max(t.month, coalesce(date(max(k.newest_backup_at), 'start of month'), t.month))
        FROM today AS t, droplet AS k
    )
),

month AS MATERIALIZED (
    SELECT
        m.month,
        date(m.month, '+1 month') AS next_month,
        CAST(strftime('%d', m.month, '+1 month', '-1 day') AS integer) AS days,
        CAST(strftime('%w', m.month) AS integer) AS first_weekday,
        (
            SELECT r.price_percent
            FROM backup_rates AS r
            WHERE r.plan = 'weekly' AND r.valid_from <= m.month AND (r.valid_to IS NULL OR m.month < r.valid_to)
        ) AS weekly_percent,
        (
            SELECT r.price_percent
            FROM backup_rates AS r
            WHERE r.plan = 'daily' AND r.valid_from <= m.month AND (r.valid_to IS NULL OR m.month < r.valid_to)
        ) AS daily_percent,
        (
            SELECT r.gibibyte_month_usd
            FROM backup_rates AS r
            WHERE r.plan = 'usage-weekly' AND r.valid_from <= m.month AND (r.valid_to IS NULL OR m.month < r.valid_to)
        ) AS usage_weekly_usd,
        (
            SELECT r.gibibyte_month_usd
            FROM backup_rates AS r
            WHERE r.plan = 'usage-daily' AND r.valid_from <= m.month AND (r.valid_to IS NULL OR m.month < r.valid_to)
        ) AS usage_daily_usd
    FROM month_start AS m
),

-- Counted month by month: SQLite would sort a million backups to group them.
made AS MATERIALIZED (
    SELECT *
    FROM (
        SELECT
            s.droplet_id,
            m.month,
            s.plan,
            s.weekday,
            s.price_monthly_usd,
            (
                SELECT count(*)
                FROM backups AS b
                WHERE
                    b.droplet_id = s.droplet_id
                    AND b.created_at >= max(s.starts_at, m.month || ' 00:00:00')
                    AND b.created_at < min(s.ends_at, m.next_month || ' 00:00:00')
                    AND (b.first_seen_at <= t.now) IS TRUE
            ) AS backups
        FROM today AS t
        CROSS JOIN span AS s
        CROSS JOIN month AS m
    ) AS c
    WHERE c.backups > 0
),

held AS MATERIALIZED (
    SELECT *
    FROM (
        SELECT
            k.droplet_id,
            m.month,
            (
                SELECT count(*)
                FROM droplet_days AS l
                WHERE l.droplet_id = k.droplet_id AND l.day >= m.month AND l.day < min(m.next_month, t.day)
            ) AS days,
            (
                SELECT sum(l.size_gigabytes)
                FROM droplet_days AS l
                WHERE l.droplet_id = k.droplet_id AND l.day >= m.month AND l.day < min(m.next_month, t.day)
            ) AS gigabytes
        FROM today AS t
        CROSS JOIN droplet AS k
        CROSS JOIN month AS m
    ) AS d
    WHERE d.days > 0
    UNION ALL
    -- The stored row of the last day may be of a look after report_clock.now.
    SELECT
        n.droplet_id,
        t.month,
        1 AS days,
        n.size_gigabytes AS gigabytes
    FROM today AS t
    CROSS JOIN size_now AS n
    INNER JOIN droplet_days AS l ON l.droplet_id = n.droplet_id AND l.day = t.day AND l.first_look_at <= t.now
),

charge AS (
    SELECT
        a.droplet_id,
        a.month,
        a.backups,
        CASE WHEN r.gibibyte_month_usd IS NOT NULL THEN a.backups ELSE 0 END AS by_size,
        a.price_monthly_usd * r.price_percent / 100 AS most_usd,
        CASE
            WHEN r.gibibyte_month_usd IS NOT NULL THEN 0
            WHEN a.plan = 'daily' THEN a.price_monthly_usd * r.price_percent / 100 * a.backups / m.days
            WHEN a.plan = 'weekly' THEN a.price_monthly_usd * r.price_percent / 100 * a.backups
                -- A month has every weekday four times, and the weekdays of its days after the 28th once more.
                / (4 + CASE WHEN (a.weekday - m.first_weekday + 7) % 7 < m.days - 28 THEN 1 ELSE 0 END)
        END AS charge_usd
    FROM made AS a
    INNER JOIN month AS m ON m.month = a.month
    LEFT JOIN backup_rates AS r
        ON r.plan = a.plan
        AND r.valid_from <= a.month
        AND (r.valid_to IS NULL OR a.month < r.valid_to)
),

-- Of every month in which a plan was in force that goes by size, or that has no rate: by what is unknown.
by_size AS (
    SELECT
        p.droplet_id,
        m.month,
        p.on_from,
        p.on_until,
        max(m.month, day_of(p.starts_at)) AS first_day,
        min(m.next_month, day_of(p.ends_at)) AS next_day,
        r.gibibyte_month_usd
    FROM plan AS p
    CROSS JOIN month AS m
    LEFT JOIN backup_rates AS r
        ON r.plan = p.plan
        AND r.valid_from <= m.month
        AND (r.valid_to IS NULL OR m.month < r.valid_to)
    WHERE r.price_percent IS NULL
),

usage AS (
    SELECT
        p.droplet_id,
        p.month,
        sum(CASE WHEN l.day = t.day THEN n.size_gigabytes ELSE l.size_gigabytes END * p.gibibyte_month_usd) AS usd_days,
        count(p.gibibyte_month_usd) AS rated_days,
        sum(
            CASE
                WHEN p.gibibyte_month_usd IS NOT NULL THEN 0
                WHEN CASE WHEN l.day = t.day THEN n.size_gigabytes ELSE l.size_gigabytes END > 0 THEN 1
                -- Between two policies, or before the first was read, backups may have been off.
                WHEN l.day >= day_of(p.on_from) AND (p.on_until IS NULL OR l.day < day_of(p.on_until)) THEN 1
                ELSE 0
            END
        ) AS days_without_rate
    FROM today AS t
    CROSS JOIN by_size AS p
    INNER JOIN droplet_days AS l
        ON l.droplet_id = p.droplet_id
        AND l.day >= p.first_day
        AND l.day < p.next_day
        AND l.first_look_at <= t.now
    LEFT JOIN size_now AS n ON n.droplet_id = l.droplet_id
    GROUP BY p.droplet_id, p.month
),

fact AS (
    SELECT
        droplet_id,
        month,
        CAST(sum(backups) AS bigint) AS backups,
        CAST(sum(without_rate) AS bigint) AS without_rate,
        CASE WHEN sum(charge_usd) > max(most_usd) THEN max(most_usd) ELSE sum(charge_usd) END AS charge_usd,
        sum(usd_days) AS usd_days,
        -- Unknown: held under a plan without a rate, or made under one by size while nobody saw how much was held.
        sum(days_without_rate) > 0 OR (sum(by_size) > 0 AND sum(rated_days) = 0) AS is_held_at_unknown_cost,
        CAST(sum(days) AS bigint) AS days,
        sum(gigabytes) AS gigabytes
    FROM (
        SELECT
            droplet_id,
            month,
            backups,
            CASE WHEN charge_usd IS NULL THEN backups ELSE 0 END AS without_rate,
            coalesce(charge_usd, 0) AS charge_usd,
            most_usd,
            by_size,
            0 AS usd_days,
            0 AS rated_days,
            0 AS days_without_rate,
            0 AS days,
            0 AS gigabytes
        FROM charge
        UNION ALL
        SELECT droplet_id, month, 0, 0, 0, NULL, 0, usd_days, rated_days, days_without_rate, 0, 0
        FROM usage
        UNION ALL
        SELECT droplet_id, month, 0, 0, 0, NULL, 0, 0, 0, 0, days, gigabytes
        FROM held
    ) AS f
    GROUP BY droplet_id, month
)

SELECT
    k.account,
    k.droplet_id,
    k.droplet,
    f.month,
    f.backups AS backups_made,
    f.without_rate AS backups_without_rate,
    rounded(f.gigabytes / nullif(f.days, 0)) AS mean_size_gigabytes,
    CASE
        WHEN f.without_rate = 0 AND NOT f.is_held_at_unknown_cost AND (k.pruned_day IS NULL OR k.pruned_day <= f.month)
            THEN rounded(f.charge_usd + coalesce(f.usd_days / nullif(f.days, 0), 0))
    END AS estimated_usd,
    rounded(e.price_monthly_usd * m.weekly_percent / 100) AS as_weekly_usd,
    rounded(e.price_monthly_usd * m.daily_percent / 100) AS as_daily_usd,
    rounded(f.gigabytes / nullif(f.days, 0) * m.usage_weekly_usd) AS as_usage_weekly_usd,
    rounded(f.gigabytes / nullif(f.days, 0) * m.usage_daily_usd) AS as_usage_daily_usd,
    f.days AS days_observed,
    k.first_day IS NOT NULL
    AND k.first_day <= f.month
    AND m.next_month <= t.day
    AND (k.pruned_day IS NULL OR k.pruned_day <= f.month)
    AND (k.last_day IS NULL OR k.last_day >= m.next_month) AS is_complete_month
FROM today AS t
CROSS JOIN fact AS f
INNER JOIN droplet AS k ON k.droplet_id = f.droplet_id
INNER JOIN month AS m ON m.month = f.month
INNER JOIN price AS e
    ON e.droplet_id = f.droplet_id
    AND e.starts_at < m.next_month || ' 00:00:00'
    AND e.ends_at >= m.next_month || ' 00:00:00'
