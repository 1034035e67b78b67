-- Which backups exist now, how old are they, and where are they kept?
-- A backup exists if one of its versions is in force at report_clock.now.
-- Grain: one row per existing backup of a selected Droplet that exists
-- Units: UTC, hours, gigabytes as billed
-- Reads: report_clock, known_droplets, backups, backup_versions, backup_regions
-- Order: account, droplet, droplet_id, created_at DESC, backup_id DESC
-- Time: created_at
-- Columns:
--   account: name of the account in the configuration
--   droplet_id: DigitalOcean's id
--   droplet: its name, not unique
--   backup_id: DigitalOcean's image id
--   name: as the API says, not unique
--   type: as the API says; backup in every known listing
--   created_at: UTC, as the API first said
--   age_hours: from created_at to now; negative if created_at is in the future
--   size_gigabytes: as billed
--   min_disk_size_gigabytes: the disk that a restore needs
--   regions: slugs in alphabetical order, separated by a comma and a space
--   first_seen_at: UTC stamp at which it became known
--   last_seen_at: UTC stamp of the last look that showed it; never NULL
SELECT
    k.account,
    k.droplet_id,
    k.droplet,
    b.id AS backup_id,
    v.name,
    v.type,
    b.created_at,
    rounded(seconds_between(b.created_at, c.now) / 3600) AS age_hours,
    v.size_gigabytes,
    v.min_disk_size AS min_disk_size_gigabytes,
    (
        SELECT list_of(o.region)
        FROM (
            SELECT r.region
            FROM backup_regions AS r
            WHERE
                r.backup_id = b.id
                AND r.valid_from <= c.now
                AND (r.valid_to IS NULL OR r.valid_to > c.now)
            ORDER BY by_code(r.region)
        ) AS o
    ) AS regions,
    b.first_seen_at,
    greatest_of(v.valid_from, coalesce(k.last_observed_at, v.valid_from)) AS last_seen_at
FROM report_clock AS c
-- SQLite keeps the order of a CROSS JOIN: few versions are in force, and every other order reads all backups.
CROSS JOIN backup_versions AS v
CROSS JOIN backups AS b
CROSS JOIN known_droplets AS k
WHERE
    v.valid_from <= c.now
    AND (v.valid_to IS NULL OR v.valid_to > c.now)
    AND b.id = v.backup_id
    -- Which follows from the version; PostgreSQL, which begins with the Droplets, need not look at those of ended backups.
    AND (b.gone_at IS NULL OR b.gone_at > c.now)
    AND k.droplet_id = b.droplet_id
    AND k.is_current
