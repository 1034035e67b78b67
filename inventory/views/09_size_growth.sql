-- How fast do a Droplet's backups grow?
-- A straight line is fitted by least squares to the sizes of the Droplet's single backups over their created_at: all
-- that were made in the last 90 days, ended ones included, but for those of size 0. Fewer than three give no line. The
-- slope is how much larger each backup is than one made a day before; times the number of backups that exist, it is
-- what they grow in a day. This needs no history: the very first look already answers. A size of the past is that after
-- the last look on that day or before it.
-- Grain: one row per selected Droplet that exists and was looked at
-- Units: gigabytes as billed
-- Reads: report_clock, known_droplets, droplet_size_now, backups, backup_versions, droplet_days
-- Order: account, size_gigabytes DESC, droplet, droplet_id
-- Columns:
--   account: name of the account in the configuration
--   droplet_id: DigitalOcean's id
--   droplet: its name, not unique
--   backups: how many exist now
--   size_gigabytes: the sum of their sizes now
--   size_7_days_ago_gigabytes: their sum after the UTC day 7 days ago; NULL before the first look
--   size_30_days_ago_gigabytes: the same, 30 days ago; NULL before the first look
--   size_90_days_ago_gigabytes: the same, 90 days ago; NULL before the first look
--   fitted_backups: how many backups the line is fitted to
--   growth_per_day_gigabytes: of all backups, negative if they shrink; NULL if fewer than three or all made at one time
--   size_in_90_days_gigabytes: size_gigabytes plus 90 days of that growth, at least 0; NULL where the growth is NULL
WITH
made AS MATERIALIZED (
    SELECT
        b.droplet_id,
        seconds_between(c.now, b.created_at) / 86400 AS x,
        size_at(b, c.now) AS y
    FROM report_clock AS c
    CROSS JOIN known_droplets AS k
    CROSS JOIN backups AS b
    WHERE
        b.droplet_id = k.droplet_id
        AND k.is_current
        AND b.created_at > seconds_before(c.now, 90 * 86400)
        AND b.first_seen_at <= c.now
),

fit AS (
    SELECT
        droplet_id,
        count(*) AS fitted_backups,
        CASE
            WHEN count(*) >= 3 AND max(x) > min(x)
                THEN (count(*) * sum(x * y) - sum(x) * sum(y)) / (count(*) * sum(x * x) - sum(x) * sum(x))
        END AS slope
    FROM made
    WHERE y > 0
    GROUP BY droplet_id
)

SELECT
    s.account,
    s.droplet_id,
    s.droplet,
    s.backups,
    s.size_gigabytes,
    (
        SELECT rounded(l.size_gigabytes)
        FROM droplet_days AS l
        WHERE l.droplet_id = s.droplet_id AND l.day <= days_before(day_of(c.now), 7)
        ORDER BY l.day DESC
        LIMIT 1
    ) AS size_7_days_ago_gigabytes,
    (
        SELECT rounded(l.size_gigabytes)
        FROM droplet_days AS l
        WHERE l.droplet_id = s.droplet_id AND l.day <= days_before(day_of(c.now), 30)
        ORDER BY l.day DESC
        LIMIT 1
    ) AS size_30_days_ago_gigabytes,
    (
        SELECT rounded(l.size_gigabytes)
        FROM droplet_days AS l
        WHERE l.droplet_id = s.droplet_id AND l.day <= days_before(day_of(c.now), 90)
        ORDER BY l.day DESC
        LIMIT 1
    ) AS size_90_days_ago_gigabytes,
    coalesce(f.fitted_backups, 0) AS fitted_backups,
    rounded(f.slope * s.backups) AS growth_per_day_gigabytes,
    CASE
        WHEN f.slope IS NOT NULL THEN rounded(greatest_of(s.size_gigabytes + 90 * f.slope * s.backups, 0))
    END AS size_in_90_days_gigabytes
FROM report_clock AS c
CROSS JOIN droplet_size_now AS s
INNER JOIN known_droplets AS k ON k.droplet_id = s.droplet_id AND k.is_current
LEFT JOIN fit AS f ON f.droplet_id = s.droplet_id
