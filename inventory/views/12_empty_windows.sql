-- In which due windows was no backup made?
-- due_windows says which windows are due, and which backups count for one. A window without a backup is missed if a
-- look came after the backup was awaited and before it would have expired; otherwise nobody can know.
-- Grain: one row per Droplet and window without a backup
-- Units: UTC
-- Reads: report_clock, due_windows, droplets, backups, droplet_days
-- Order: account, droplet, droplet_id, window_starts_at
-- Time: window_starts_at
-- Columns:
--   account: name of the account in the configuration
--   droplet_id: DigitalOcean's id
--   droplet: its name, not unique
--   plan: as the policy then said
--   month: UTC, the first day of the month in which the window opened
--   window_starts_at: UTC
--   window_ends_at: UTC
--   verdict: missed: a look came and did not show one; not looked: no look came while there would have been one
--   is_recent: whether it opened on the UTC day of report_clock.since or later
--   is_before_first_look: whether it opened before the Droplet's first look
--   age_days: UTC days from the day on which it opened to the day of report_clock.now
WITH empty AS (
    SELECT
        w.*,
        c.now,
        first_look_from(w.droplet_id, w.awaited_until_at) AS looked_at
    FROM report_clock AS c
    CROSS JOIN due_windows AS w
    WHERE backup_for(w, c.now) IS NULL
)

SELECT
    account,
    droplet_id,
    droplet,
    plan,
    month,
    window_starts_at,
    window_ends_at,
    CASE
        WHEN looked_at <= now AND (expires_at IS NULL OR looked_at < expires_at) THEN 'missed'
        WHEN
            last_observed_at >= awaited_until_at AND (expires_at IS NULL OR last_observed_at < expires_at)
            THEN 'missed'
        ELSE 'not looked'
    END AS verdict,
    is_recent,
    is_before_first_look,
    age_days
FROM empty
