-- In which windows was a backup due by no plan that anybody documents, but because the API announced them?
-- Of a plan whose windows nobody documents, those are due that the API showed as the next one, from some look on until
-- they opened, under a policy that the first look past their end read too, once they ended 12 h ago. No window before
-- pruned_before is due. Gone and unselected Droplets are included, for as long as they were looked at.
-- Grain: one row per Droplet and window
-- Units: UTC
-- Reads: report_clock, known_droplets, droplets, backup_policies, droplet_windows, droplet_days
-- Order: account, droplet, droplet_id, window_starts_at
-- Time: window_starts_at
-- Columns:
--   account: name of the account in the configuration
--   droplet_id: DigitalOcean's id
--   droplet: its name, not unique
--   plan: as the policy then said
--   retention_days: as the policy then said; NULL where the API did not say
--   month: UTC, the first day of the month in which the window opened
--   day: UTC, on which the window opened
--   window_starts_at: UTC
--   window_ends_at: UTC
--   awaited_until_at: UTC, 12 h after its end; a backup created from then on is none of this window
--   expires_at: UTC, when a backup made at its start would expire; NULL without retention_days
--   age_days: UTC days from the day on which it opened to the day of report_clock.now
--   age_hours: from its start to report_clock.now
--   is_recent: whether it opened on the UTC day of report_clock.since or later
--   is_before_first_look: whether it opened before the Droplet's first look
--   last_observed_at: UTC stamp of the Droplet's last look; NULL in due_windows alone, without a look
WITH rule AS NOT MATERIALIZED (
    SELECT
        p.*,
        c.now,
        c.since,
        -- A policy that is over held until the last look before another one was read; NULL if no later look confirmed it.
        CASE WHEN p.valid_to <= c.now THEN last_look_before(p.droplet_id, p.valid_to) END AS last_read_at
    FROM report_clock AS c
    CROSS JOIN backup_policies AS p
    WHERE p.is_enabled AND p.valid_from <= c.now AND hours_between_windows(p) IS NULL
)

SELECT
    k.account,
    k.droplet_id,
    k.droplet,
    p.plan,
    p.retention_days,
    month_of(w.starts_at) AS month,
    day_of(w.starts_at) AS day,
    w.starts_at AS window_starts_at,
    w.ends_at AS window_ends_at,
    seconds_before(w.ends_at, -12 * 3600) AS awaited_until_at,
    seconds_before(w.starts_at, -86400 * p.retention_days) AS expires_at,
    days_between(day_of(w.starts_at), day_of(p.now)) AS age_days,
    rounded(seconds_between(w.starts_at, p.now) / 3600) AS age_hours,
    day_of(w.starts_at) >= day_of(p.since) AS is_recent,
    w.starts_at < k.first_look_at AS is_before_first_look,
    k.last_observed_at
FROM known_droplets AS k
INNER JOIN droplet_windows AS w ON w.droplet_id = k.droplet_id
INNER JOIN rule AS p
    ON p.droplet_id = w.droplet_id
    AND p.valid_from <= w.valid_from
    AND (p.valid_to IS NULL OR p.valid_to > w.valid_from)
WHERE
    w.valid_from <= w.starts_at
    AND (w.valid_to IS NULL OR w.valid_to >= w.starts_at)
    AND day_of(w.starts_at) >= asked_from('0001-01-01')
    AND w.starts_at >= coalesce(k.pruned_before, w.starts_at)
    AND w.ends_at <= seconds_before(p.now, 12 * 3600)
    AND w.ends_at <= CASE WHEN p.valid_to <= p.now THEN p.last_read_at ELSE k.last_observed_at END
