-- What did a Droplet's backups come to at its last look?
-- As the last complete listing showed it: what an incomplete one added since is left out, unlike in droplet_size_now.
-- Gone and unselected Droplets are included.
-- Grain: one row per Droplet ever looked at
-- Units: UTC, gigabytes as billed
-- Reads: report_clock, known_droplets, droplet_days, backups, backup_versions
-- Order: account, droplet, droplet_id
-- Columns:
--   account: name of the account in the configuration
--   droplet_id: DigitalOcean's id
--   droplet: its name, not unique
--   backups: how many existed
--   size_gigabytes: the sum of their sizes
--   oldest_backup_at: UTC created_at of the oldest; NULL without backups
--   newest_backup_at: UTC created_at of the newest; NULL without backups
WITH
today AS NOT MATERIALIZED (
    SELECT
        c.now,
        day_of(c.now) AS day,
        time_of(day_of(c.now), 0) AS began_at
    FROM report_clock AS c
),

-- The stored row of this day may be of a look after report_clock.now.
existing AS (
    SELECT
        b.droplet_id,
        count(*) AS backups,
        sum(v.size_gigabytes) AS size_gigabytes,
        min(b.created_at) AS oldest_backup_at,
        max(b.created_at) AS newest_backup_at
    FROM today AS t
    -- SQLite keeps the order of a CROSS JOIN: few versions were in force today.
    CROSS JOIN backup_versions AS v
    CROSS JOIN backups AS b
    CROSS JOIN known_droplets AS k
    WHERE
        (v.valid_to IS NULL OR v.valid_to >= t.began_at)
        AND v.valid_from <= t.now
        AND b.id = v.backup_id
        AND k.droplet_id = b.droplet_id
        AND k.last_observed_at >= t.began_at
        AND v.valid_from <= k.last_observed_at
        AND (v.valid_to IS NULL OR v.valid_to > k.last_observed_at)
    GROUP BY b.droplet_id
)

SELECT
    k.account,
    k.droplet_id,
    k.droplet,
    coalesce(e.backups, l.backups, 0) AS backups,
    rounded(coalesce(e.size_gigabytes, l.size_gigabytes, 0)) AS size_gigabytes,
    coalesce(e.oldest_backup_at, l.oldest_backup_at) AS oldest_backup_at,
    coalesce(e.newest_backup_at, l.newest_backup_at) AS newest_backup_at
FROM today AS t
CROSS JOIN known_droplets AS k
LEFT JOIN existing AS e ON e.droplet_id = k.droplet_id
LEFT JOIN droplet_days AS l
    ON l.droplet_id = k.droplet_id
    AND l.day = day_of(k.last_observed_at)
    AND l.day < t.day
WHERE k.last_observed_at IS NOT NULL
