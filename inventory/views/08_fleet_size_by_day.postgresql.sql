WITH
droplet AS MATERIALIZED (
    SELECT
        k.account,
        k.droplet_id,
        day_of(k.first_look_at) AS first_day,
        day_of(least(k.gone_at, k.unselected_since)) AS last_day
    FROM known_droplets AS k
    WHERE k.first_look_at IS NOT NULL
),

past_day AS (
    SELECT o.first_day + n.number AS day
    FROM (
        SELECT
            (SELECT min(first_day) FROM droplet) AS first_day,
            day_of(c.now) AS today
        FROM report_clock AS c
    ) AS o
    CROSS JOIN LATERAL generate_series(0, o.today - o.first_day - 1) AS n (number)
)

SELECT
    o.account,
    o.day,
    CAST(sum(o.backups) AS bigint) AS backups,
    rounded(sum(o.size_gigabytes)) AS size_gigabytes,
    CAST(sum(o.observed) AS bigint) AS droplets_observed,
    CAST(sum(o.known) AS bigint) AS droplets_known
FROM (
    SELECT
        k.account,
        l.day,
        sum(l.backups) AS backups,
        sum(l.size_gigabytes) AS size_gigabytes,
        count(*) AS observed,
        count(*) AS known
    FROM droplet AS k
    INNER JOIN droplet_days AS l ON l.droplet_id = k.droplet_id
    WHERE
        l.day >= k.first_day
        AND (k.last_day IS NULL OR l.day <= k.last_day)
        AND l.day < (SELECT day_of(c.now) FROM report_clock AS c)
    GROUP BY k.account, l.day
    UNION ALL
    -- Droplets that were not looked at on that day.
    SELECT
        k.account,
        d.day,
        e.backups,
        e.size_gigabytes,
        0 AS observed,
        1 AS known
    FROM past_day AS d
    CROSS JOIN droplet AS k
    CROSS JOIN LATERAL (
        SELECT
            p.backups,
            p.size_gigabytes
        FROM droplet_days AS p
        WHERE p.droplet_id = k.droplet_id AND p.day < d.day
        ORDER BY p.day DESC
        LIMIT 1
    ) AS e
    WHERE
        k.first_day <= d.day
        AND (k.last_day IS NULL OR d.day <= k.last_day)
        AND NOT EXISTS (SELECT 1 FROM droplet_days AS l WHERE l.droplet_id = k.droplet_id AND l.day = d.day)
) AS o
GROUP BY o.account, o.day
HAVING sum(o.observed) > 0
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
