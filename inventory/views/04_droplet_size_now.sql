-- What do a Droplet's backups come to now?
-- A backup exists if one of its versions is in force at report_clock.now. Gone and unselected Droplets are included. For
-- a moment of which backups were pruned, a Droplet has what the last look of that day, or the last one before, found.
-- Grain: one row per Droplet ever looked at
-- Units: UTC, gigabytes as billed
-- Reads: report_clock, known_droplets, accounts, droplets, droplet_days, backups, backup_versions
-- Order: account, droplet, droplet_id
-- Columns:
--   account: name of the account in the configuration
--   droplet_id: DigitalOcean's id
--   droplet: its name, not unique
--   backups: how many exist
--   size_gigabytes: the sum of their sizes
--   oldest_backup_at: UTC created_at of the oldest; NULL without backups
--   newest_backup_at: UTC created_at of the newest; NULL without backups
WITH
existing AS (
    -- If nothing was learned after report_clock.now, what exists is what exists now, and its index has all that is asked.
    -- Each half is counted by itself: of a count of both, PostgreSQL would expect 200 Droplets, however many there are.
    SELECT
        b.droplet_id,
        count(*) AS backups,
        sum(b.size_gigabytes) AS size_gigabytes,
        min(b.created_at) AS oldest_backup_at,
        max(b.created_at) AS newest_backup_at
    FROM report_clock AS c
    CROSS JOIN backups AS b
    WHERE b.gone_at IS NULL AND (SELECT max(d.last_attempt_at) FROM droplets AS d) <= c.now
    GROUP BY b.droplet_id
    UNION ALL
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
        (SELECT max(d.last_attempt_at) FROM droplets AS d) > c.now
        AND v.valid_from <= c.now
        AND (v.valid_to IS NULL OR v.valid_to > c.now)
        AND b.id = v.backup_id
    GROUP BY b.droplet_id
),

droplet AS (
    SELECT
        k.account,
        k.droplet_id,
        k.droplet,
        CASE
            WHEN (SELECT a.complete_since FROM accounts AS a WHERE a.name = k.account) > c.now THEN (
                SELECT max(l.day)
                FROM droplet_days AS l
                WHERE l.droplet_id = k.droplet_id AND l.day <= day_of(c.now) AND l.first_look_at <= c.now
            )
        END AS day_before_pruning
    FROM report_clock AS c
    CROSS JOIN known_droplets AS k
    WHERE k.first_look_at IS NOT NULL
)

SELECT
    k.account,
    k.droplet_id,
    k.droplet,
    CASE
        WHEN k.day_before_pruning IS NULL THEN coalesce(e.backups, 0)
        ELSE (SELECT l.backups FROM droplet_days AS l WHERE l.droplet_id = k.droplet_id AND l.day = k.day_before_pruning)
    END AS backups,
    CASE
        WHEN k.day_before_pruning IS NULL THEN rounded(coalesce(e.size_gigabytes, 0))
        ELSE (SELECT rounded(l.size_gigabytes) FROM droplet_days AS l WHERE l.droplet_id = k.droplet_id AND l.day = k.day_before_pruning)
    END AS size_gigabytes,
    CASE
        WHEN k.day_before_pruning IS NULL THEN e.oldest_backup_at
        ELSE (SELECT l.oldest_backup_at FROM droplet_days AS l WHERE l.droplet_id = k.droplet_id AND l.day = k.day_before_pruning)
    END AS oldest_backup_at,
    CASE
        WHEN k.day_before_pruning IS NULL THEN e.newest_backup_at
        ELSE (SELECT l.newest_backup_at FROM droplet_days AS l WHERE l.droplet_id = k.droplet_id AND l.day = k.day_before_pruning)
    END AS newest_backup_at
FROM droplet AS k
LEFT JOIN existing AS e ON e.droplet_id = k.droplet_id
