WITH
made AS MATERIALIZED (
    SELECT
        b.droplet_id,
        CAST(extract(EPOCH FROM b.created_at - c.now) AS double precision) / 86400 AS x,
        CASE
            -- That of an ended backup stands in the index that is read anyway.
            WHEN b.gone_at <= c.now THEN b.size_gigabytes
            ELSE (
                SELECT v.size_gigabytes
                FROM backup_versions AS v
                WHERE v.backup_id = b.id AND v.valid_from <= c.now
                ORDER BY v.valid_from DESC
                LIMIT 1
            )
        END AS y
    FROM report_clock AS c
    CROSS JOIN known_droplets AS k
    INNER JOIN backups AS b ON b.droplet_id = k.droplet_id
    WHERE
        k.is_current
        AND b.created_at > c.now - interval '2160 hours'
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
        SELECT CAST(round(CAST(l.size_gigabytes AS numeric), 4) AS double precision)
        FROM droplet_days AS l
        WHERE l.droplet_id = s.droplet_id AND l.day <= CAST(c.now AT TIME ZONE 'UTC' AS date) - 7
        ORDER BY l.day DESC
        LIMIT 1
    ) AS size_7_days_ago_gigabytes,
    (
        SELECT CAST(round(CAST(l.size_gigabytes AS numeric), 4) AS double precision)
        FROM droplet_days AS l
        WHERE l.droplet_id = s.droplet_id AND l.day <= CAST(c.now AT TIME ZONE 'UTC' AS date) - 30
        ORDER BY l.day DESC
        LIMIT 1
    ) AS size_30_days_ago_gigabytes,
    (
        SELECT CAST(round(CAST(l.size_gigabytes AS numeric), 4) AS double precision)
        FROM droplet_days AS l
        WHERE l.droplet_id = s.droplet_id AND l.day <= CAST(c.now AT TIME ZONE 'UTC' AS date) - 90
        ORDER BY l.day DESC
        LIMIT 1
    ) AS size_90_days_ago_gigabytes,
    coalesce(f.fitted_backups, 0) AS fitted_backups,
    CAST(round(CAST(f.slope * s.backups AS numeric), 4) AS double precision) AS growth_per_day_gigabytes,
    CASE
        WHEN f.slope IS NOT NULL THEN CAST(
            round(CAST(greatest(s.size_gigabytes + 90 * f.slope * s.backups, 0) AS numeric), 4) AS double precision
        )
    END AS size_in_90_days_gigabytes
FROM report_clock AS c
CROSS JOIN droplet_size_now AS s
INNER JOIN known_droplets AS k ON k.droplet_id = s.droplet_id AND k.is_current
LEFT JOIN fit AS f ON f.droplet_id = s.droplet_id
