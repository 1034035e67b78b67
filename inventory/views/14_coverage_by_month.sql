-- In how many windows of each month was a backup due, made, missed, or not looked for?
-- Windows and verdicts are those of due_windows and empty_windows, over the whole history and for gone and unselected
-- Droplets too. A window counts in the month in which it opened. windows_due is the sum of the other three.
-- Grain: one row per Droplet and UTC month with a due window
-- Units: UTC
-- Reads: known_droplets, due_windows, empty_windows
-- Order: account, droplet, droplet_id, month
-- Time: month
-- Columns:
--   account: name of the account in the configuration
--   droplet_id: DigitalOcean's id
--   droplet: its name, not unique
--   month: UTC, its first day
--   windows_due: windows in which a backup was due and which ended at least 12 h ago
--   windows_made: of these, with a backup made in them or within 12 h after, which one for a later window may be too
--   windows_missed: of these, without one although a look came in time
--   windows_not_looked: of these, without one, and no look came while there would have been one
WITH
droplet AS MATERIALIZED (
    SELECT
        account,
        droplet_id,
        droplet
    FROM known_droplets
),

due AS (
    SELECT
        droplet_id,
        month,
        count(*) AS windows
    FROM due_windows
    GROUP BY droplet_id, month
),

empty AS (
    SELECT
        droplet_id,
        month,
        CAST(sum(CASE WHEN verdict = 'missed' THEN 1 ELSE 0 END) AS bigint) AS missed,
        CAST(sum(CASE WHEN verdict = 'missed' THEN 0 ELSE 1 END) AS bigint) AS not_looked
    FROM empty_windows
    GROUP BY droplet_id, month
)

SELECT
    k.account,
    k.droplet_id,
    k.droplet,
    d.month,
    d.windows AS windows_due,
    d.windows - coalesce(e.missed, 0) - coalesce(e.not_looked, 0) AS windows_made,
    coalesce(e.missed, 0) AS windows_missed,
    coalesce(e.not_looked, 0) AS windows_not_looked
FROM due AS d
INNER JOIN droplet AS k ON k.droplet_id = d.droplet_id
LEFT JOIN empty AS e ON e.droplet_id = d.droplet_id AND e.month = d.month
