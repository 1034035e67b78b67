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
),

-- Who came to an account last or left it for another, was found again, or was selected again.
came AS (
    SELECT
        CASE WHEN s.comes THEN v.account_id ELSE w.account_id END AS account_id,
        max(v.valid_from) AS came_at
    FROM report_clock AS c
    CROSS JOIN droplet_versions AS v
    CROSS JOIN droplet_versions AS w
    CROSS JOIN (
        SELECT TRUE AS comes
        UNION ALL SELECT FALSE
    ) AS s
    WHERE
        v.valid_from <= c.now
        AND w.droplet_id = v.droplet_id
        AND w.valid_from = (
            SELECT max(u.valid_from)
            FROM droplet_versions AS u
            WHERE u.droplet_id = v.droplet_id AND u.valid_from < v.valid_from
        )
        AND (
            w.valid_to < v.valid_from
            OR w.account_id <> v.account_id
            OR (w.unselected_since IS NOT NULL AND v.unselected_since IS NULL)
        )
    GROUP BY CASE WHEN s.comes THEN v.account_id ELSE w.account_id END
),

account AS MATERIALIZED (
    SELECT
        a.id,
        a.name,
        c.now,
        (SELECT e.came_at FROM came AS e WHERE e.account_id = a.id) AS came_at
    FROM report_clock AS c
    CROSS JOIN accounts AS a
    WHERE a.name IN (SELECT k.account FROM droplet AS k)
),

-- Days of which nothing more is learned, but by a Droplet that comes.
kept AS NOT MATERIALIZED (
    SELECT
        a.name AS account,
        r.*
    FROM account AS a
    INNER JOIN account_days AS r ON r.account_id = a.id
    WHERE r.added_up_at <= a.now AND (a.came_at IS NULL OR a.came_at < seconds_before(r.added_up_at, 86400))
),

open_day AS MATERIALIZED (
    SELECT
        a.name AS account,
        d.day
    FROM past_day AS d
    CROSS JOIN accounts AS a
    WHERE
        a.name IN (SELECT k.account FROM droplet AS k)
        AND NOT EXISTS (SELECT 1 FROM kept AS r WHERE r.account_id = a.id AND r.day = d.day)
)

SELECT
    account,
    day,
    backups,
    size_gigabytes,
    droplets_observed,
    droplets_known
FROM kept
WHERE droplets_observed > 0
UNION ALL
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
        l.day >= (SELECT min(d.day) FROM open_day AS d)
        AND l.day >= k.first_day
        AND (k.last_day IS NULL OR l.day <= k.last_day)
    GROUP BY k.account, l.day
    HAVING (k.account, l.day) IN (SELECT d.account, d.day FROM open_day AS d)
    UNION ALL
    -- Droplets that were not looked at on that day.
    SELECT
        k.account,
        d.day,
        (
            SELECT e.backups
            FROM droplet_days AS e
            WHERE e.droplet_id = k.droplet_id AND e.day < d.day
            ORDER BY e.day DESC
            LIMIT 1
        ) AS backups,
        (
            SELECT e.size_gigabytes
            FROM droplet_days AS e
            WHERE e.droplet_id = k.droplet_id AND e.day < d.day
            ORDER BY e.day DESC
            LIMIT 1
        ) AS size_gigabytes,
        0 AS observed,
        1 AS known
    FROM open_day AS d
    INNER JOIN droplet AS k ON k.account = d.account
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
