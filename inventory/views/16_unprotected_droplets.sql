-- Which active Droplets have no backups to come, or never had one?
-- Grain: one row per selected Droplet that exists, is active, and has backups off or was never seen with one
-- Units: UTC
-- Reads: report_clock, known_droplets, accounts, droplet_days, backup_policies, backups
-- Order: is_formerly_protected DESC, unprotected_since, account, droplet, droplet_id
-- Columns:
--   account: name of the account in the configuration
--   droplet_id: DigitalOcean's id
--   droplet: its name, not unique
--   reason: backups off; or no backup yet: backups are not known to be off, but none was ever seen
--   unprotected_since: UTC stamp of the look that found backups off, or without one first saw the Droplet
--   is_formerly_protected: whether a backup of it was ever seen
--   last_backup_at: UTC created_at of the newest backup ever seen; NULL if none was, or it was pruned
WITH unprotected AS (
    SELECT
        k.account,
        k.droplet_id,
        k.droplet,
        k.first_seen_at,
        p.valid_from AS off_since,
        (
            SELECT max(b.created_at)
            FROM backups AS b
            WHERE b.droplet_id = k.droplet_id AND b.first_seen_at <= c.now
        ) AS last_backup_at,
        -- Pruning leaves the days.
        EXISTS (
            SELECT 1
            FROM droplet_days AS l
            WHERE
                l.droplet_id = k.droplet_id
                AND l.backups > 0
                AND (SELECT a.complete_since FROM accounts AS a WHERE a.name = k.account) > c.now
                AND l.first_look_at <= c.now
        ) AS had_backups
    FROM report_clock AS c
    CROSS JOIN known_droplets AS k
    LEFT JOIN backup_policies AS p
        ON p.droplet_id = k.droplet_id
        AND NOT p.is_enabled
        AND p.valid_from <= c.now
        AND (p.valid_to IS NULL OR p.valid_to > c.now)
    WHERE k.is_current AND k.status = 'active'
)

SELECT
    account,
    droplet_id,
    droplet,
    CASE WHEN off_since IS NULL THEN 'no backup yet' ELSE 'backups off' END AS reason,
    coalesce(off_since, first_seen_at) AS unprotected_since,
    last_backup_at IS NOT NULL OR had_backups AS is_formerly_protected,
    last_backup_at
FROM unprotected
WHERE off_since IS NOT NULL OR (last_backup_at IS NULL AND NOT had_backups)
