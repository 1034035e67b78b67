WITH RECURSIVE
droplet AS MATERIALIZED (
    SELECT
        k.account,
        k.droplet_id,
        day_of(k.first_look_at) AS first_day,
        day_of(min(coalesce(k.gone_at, k.unselected_since), coalesce(k.unselected_since, k.gone_at))) AS last_day
    FROM known_droplets AS k
    WHERE k.first_look_at IS NOT NULL
),

past_day AS (
    SELECT min(first_day) AS day
    FROM droplet
    UNION ALL
    SELECT date(d.day, '+1 day')
    FROM past_day AS d, report_clock AS c
    WHERE d.day < date(c.now, '-1 day')
)

SELECT
    k.account,
    d.day,
    CAST(sum(
        coalesce(
            l.backups,
            (
                SELECT e.backups
                FROM droplet_days AS e
                WHERE e.droplet_id = k.droplet_id AND e.day < d.day
                ORDER BY e.day DESC
                LIMIT 1
            )
        )
    ) AS bigint) AS backups,
    rounded(sum(
        coalesce(
            l.size_gigabytes,
            (
                SELECT e.size_gigabytes
                FROM droplet_days AS e
                WHERE e.droplet_id = k.droplet_id AND e.day < d.day
                ORDER BY e.day DESC
                LIMIT 1
            )
        )
    )) AS size_gigabytes,
    count(l.day) AS droplets_observed,
    count(*) AS droplets_known
-- SQLite keeps the order of a CROSS JOIN: days first, so that those not asked for cost nothing.
FROM past_day AS d
CROSS JOIN droplet AS k
-- A range of one, so that SQLite takes the index in which the rows of a day lie together.
LEFT JOIN droplet_days AS l ON l.day = d.day AND l.droplet_id BETWEEN k.droplet_id AND k.droplet_id
WHERE
    k.first_day <= d.day
    AND (k.last_day IS NULL OR d.day <= k.last_day)
    AND d.day < (SELECT day_of(c.now) FROM report_clock AS c)
GROUP BY k.account, d.day
HAVING count(l.day) > 0
UNION ALL
-- The stored rows of the last day may be of looks after report_clock.now.
SELECT
    k.account,
    t.day,
    CAST(sum(s.backups) AS bigint) AS backups,
    rounded(sum(s.size_gigabytes)) AS size_gigabytes,
    count(l.day) AS droplets_observed,
    count(*) AS droplets_known
FROM (SELECT day_of(c.now) AS day, c.now FROM report_clock AS c) AS t
CROSS JOIN droplet AS k
INNER JOIN droplet_size_at_last_look AS s ON s.droplet_id = k.droplet_id
LEFT JOIN droplet_days AS l ON l.droplet_id = k.droplet_id AND l.day = t.day AND l.first_look_at <= t.now
WHERE k.last_day IS NULL OR t.day <= k.last_day
GROUP BY k.account, t.day
HAVING count(l.day) > 0
