-- How many backups did a Droplet have after each day, and how large were they together?
-- A row shows what the day's last look found. A day without a look has no row; the day on which a Droplet was found
-- gone has zeros. Gone and unselected Droplets are included.
-- Grain: one row per Droplet and UTC day on which it was looked at
-- Units: UTC, gigabytes as billed
-- Reads: report_clock, known_droplets, droplet_size_at_last_look, droplet_days
-- Order: account, droplet, droplet_id, day
-- Time: day
-- Columns:
--   account: name of the account in the configuration
--   droplet_id: DigitalOcean's id
--   droplet: its name, not unique
--   day: UTC
--   backups: how many existed
--   size_gigabytes: the sum of their sizes
--   oldest_backup_at: UTC created_at of the oldest; NULL without backups
--   newest_backup_at: UTC created_at of the newest; NULL without backups
SELECT
    k.account,
    k.droplet_id,
    k.droplet,
    l.day,
    l.backups,
    rounded(l.size_gigabytes) AS size_gigabytes,
    l.oldest_backup_at,
    l.newest_backup_at
FROM known_droplets AS k
-- SQLite keeps the order of a CROSS JOIN: the days of a Droplet lie together.
CROSS JOIN droplet_days AS l
WHERE l.droplet_id = k.droplet_id AND l.day < (SELECT day_of(c.now) FROM report_clock AS c)
UNION ALL
-- The stored row of the last day may be of a look after report_clock.now.
SELECT
    s.account,
    s.droplet_id,
    s.droplet,
    l.day,
    s.backups,
    s.size_gigabytes,
    s.oldest_backup_at,
    s.newest_backup_at
FROM droplet_size_at_last_look AS s
CROSS JOIN droplet_days AS l
WHERE
    l.droplet_id = s.droplet_id
    AND l.day = (SELECT day_of(c.now) FROM report_clock AS c)
    AND l.first_look_at <= (SELECT c.now FROM report_clock AS c)
