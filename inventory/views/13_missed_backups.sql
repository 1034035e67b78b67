-- In which recent windows was no backup made?
-- Windows that opened on the UTC day of report_clock.since or later. due_windows says which windows are due,
-- empty_windows what the verdict means.
-- Grain: one row per window without a backup, of a selected Droplet that exists
-- Units: UTC
-- Reads: known_droplets, empty_windows
-- Order: window_starts_at DESC, account, droplet, droplet_id
-- Time: window_starts_at, from report_clock.since
-- Columns:
--   account: name of the account in the configuration
--   droplet_id: DigitalOcean's id
--   droplet: its name, not unique
--   plan: as the policy then said
--   window_starts_at: UTC
--   window_ends_at: UTC
--   verdict: missed: a look came and did not show one; not looked: no look came while there would have been one
--   is_before_first_look: whether the window opened before the Droplet's first look
SELECT
    w.account,
    w.droplet_id,
    w.droplet,
    w.plan,
    w.window_starts_at,
    w.window_ends_at,
    w.verdict,
    w.is_before_first_look
FROM empty_windows AS w
INNER JOIN known_droplets AS k ON k.droplet_id = w.droplet_id
-- By equality, so that SQLite looks up the recent days and does not go through years of them.
WHERE w.is_recent = TRUE AND k.is_current
