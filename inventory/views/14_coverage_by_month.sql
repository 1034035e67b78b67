-- In how many windows of each month was a backup due, made, missed, or not looked for?
-- As due_windows and empty_windows have it, over the whole history and of gone and unselected Droplets too. A window
-- counts in the month in which it opened; due are made, missed and not looked together.
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
--   windows_due: windows in which a backup was due and that ended 12 h ago or longer
--   windows_made: of these, with a backup
--   windows_missed: of these, without one although somebody looked
--   windows_not_looked: of these, without one, and nobody looked while it would have been there
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
