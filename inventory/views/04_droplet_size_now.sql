-- What do a Droplet's backups come to now?
-- A backup exists if one of its versions is in force at report_clock.now. Gone and unselected Droplets are included.
-- Grain: one row per Droplet ever looked at
-- Units: UTC, gigabytes as billed
-- Reads: report_clock, known_droplets, backups, backup_versions
-- Order: account, droplet, droplet_id
-- Columns:
--   account: name of the account in the configuration
--   droplet_id: DigitalOcean's id
--   droplet: its name, not unique
--   backups: how many exist
--   size_gigabytes: the sum of their sizes
--   oldest_backup_at: UTC created_at of the oldest; NULL without backups
--   newest_backup_at: UTC created_at of the newest; NULL without backups
WITH existing AS (
    SELECT
        b.droplet_id,
        count(*) AS backups,
        sum(v.size_gigabytes) AS size_gigabytes,
        min(b.created_at) AS oldest_backup_at,
        max(b.created_at) AS newest_backup_at
    FROM report_clock AS c
    -- SQLite keeps the order of a CROSS JOIN: few versions are in force, and every other order reads all backups.
    CROSS JOIN backup_versions AS v
    CROSS JOIN backups AS b
    WHERE
        v.valid_from <= c.now
        AND (v.valid_to IS NULL OR v.valid_to > c.now)
        AND b.id = v.backup_id
    GROUP BY b.droplet_id
)

SELECT
    k.account,
    k.droplet_id,
    k.droplet,
    coalesce(e.backups, 0) AS backups,
    rounded(coalesce(e.size_gigabytes, 0)) AS size_gigabytes,
    e.oldest_backup_at,
    e.newest_backup_at
FROM known_droplets AS k
LEFT JOIN existing AS e ON e.droplet_id = k.droplet_id
WHERE k.first_look_at IS NOT NULL
