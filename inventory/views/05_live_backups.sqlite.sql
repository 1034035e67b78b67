SELECT
    k.account,
    k.droplet_id,
    k.droplet,
    b.id AS backup_id,
    v.name,
    v.type,
    b.created_at,
    (CAST(strftime('%s', c.now) AS integer) - CAST(strftime('%s', b.created_at) AS integer)) / 3600.0 AS age_hours,
    v.size_gigabytes,
    v.min_disk_size AS min_disk_size_gigabytes,
    (
        SELECT group_concat(o.region, ', ')
        FROM (
            SELECT r.region
            FROM backup_regions AS r
            WHERE
                r.backup_id = b.id
                AND r.valid_from <= c.now
                AND (r.valid_to IS NULL OR r.valid_to > c.now)
            ORDER BY r.region
        ) AS o
    ) AS regions,
    b.first_seen_at,
    max(v.valid_from, coalesce(k.last_observed_at, v.valid_from)) AS last_seen_at
FROM report_clock AS c
-- SQLite keeps the order of a CROSS JOIN: few versions are in force, and every other order reads all backups.
CROSS JOIN backup_versions AS v
CROSS JOIN backups AS b
CROSS JOIN known_droplets AS k
WHERE
    v.valid_from <= c.now
    AND (v.valid_to IS NULL OR v.valid_to > c.now)
    AND b.id = v.backup_id
    AND k.droplet_id = b.droplet_id
    AND k.is_current
