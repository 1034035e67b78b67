SELECT
    k.account,
    k.droplet_id,
    k.droplet,
    b.id AS backup_id,
    v.name,
    v.type,
    b.created_at,
    CAST(extract(EPOCH FROM c.now - b.created_at) AS double precision) / 3600 AS age_hours,
    v.size_gigabytes,
    v.min_disk_size AS min_disk_size_gigabytes,
    (
        SELECT string_agg(r.region, ', ' ORDER BY r.region COLLATE "C")
        FROM backup_regions AS r
        WHERE
            r.backup_id = b.id
            AND r.valid_from <= c.now
            AND (r.valid_to IS NULL OR r.valid_to > c.now)
    ) AS regions,
    b.first_seen_at,
    greatest(v.valid_from, k.last_observed_at) AS last_seen_at
FROM report_clock AS c
CROSS JOIN backup_versions AS v
INNER JOIN backups AS b ON b.id = v.backup_id
INNER JOIN known_droplets AS k ON k.droplet_id = b.droplet_id
WHERE
    v.valid_from <= c.now
    AND (v.valid_to IS NULL OR v.valid_to > c.now)
    AND k.is_current
