-- What could have been restored then, by all that is known today?
-- Then is report_clock.now: ask about a moment of the past. Only this view also uses what later looks showed. A backup
-- could be restored if it had been made and was not known to be gone; from its end to the look that showed it again it
-- counts as gone. Droplets that are gone today are included.
-- Grain: one row per backup that could have been restored
-- Units: UTC, gigabytes as billed
-- Reads: report_clock, accounts, droplets, backups, backup_versions
-- Order: account, droplet, droplet_id, created_at DESC, backup_id DESC
-- Time: created_at
-- Columns:
--   account: name of the account in the configuration
--   droplet_id: DigitalOcean's id
--   droplet: the Droplet's name as last known, not unique
--   backup_id: DigitalOcean's image id
--   created_at: UTC, as the API first said
--   size_gigabytes: as billed, the last known size
--   last_seen_at: UTC stamp of the last look that showed it, which may be after report_clock.now; never NULL
--   gone_at: UTC stamp of the first look without it, after report_clock.now; NULL if it is not known to be gone
--   certainty: certain if a look at report_clock.now or later showed it, otherwise possible
SELECT
    a.name AS account,
    b.droplet_id,
    d.name AS droplet,
    b.id AS backup_id,
    b.created_at,
    b.size_gigabytes,
    CASE
        WHEN b.gone_at IS NOT NULL THEN b.gone_after_at
        WHEN d.last_observed_at > b.first_seen_at THEN d.last_observed_at
        ELSE b.first_seen_at
    END AS last_seen_at,
    b.gone_at,
    CASE
        WHEN b.gone_after_at >= c.now THEN 'certain'
        WHEN b.gone_at IS NULL AND (d.last_observed_at >= c.now OR b.first_seen_at >= c.now) THEN 'certain'
        ELSE 'possible'
    END AS certainty
FROM report_clock AS c
CROSS JOIN backups AS b
INNER JOIN droplets AS d ON d.id = b.droplet_id
INNER JOIN accounts AS a ON a.id = d.account_id
WHERE
    b.created_at <= c.now
    AND (b.gone_at IS NULL OR b.gone_at > c.now)
    AND NOT EXISTS (
        SELECT 1
        FROM backup_versions AS v
        WHERE
            v.backup_id = b.id
            AND v.valid_to <= c.now
            AND v.closed_by <> 'change'
            AND NOT EXISTS (
                SELECT 1
                FROM backup_versions AS w
                WHERE w.backup_id = v.backup_id AND w.valid_from >= v.valid_to AND w.valid_from <= c.now
            )
    )
