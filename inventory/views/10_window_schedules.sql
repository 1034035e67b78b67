-- On which days, and when on them, do windows open in which a backup is due?
-- A window is due if it opened while a policy was in force whose windows are known, and ended at least 12 h ago. Plan
-- daily opens one at the policy's hour, UTC, every day; weekly does so on its weekday; intra_daily_4h opens one every 4 h,
-- one of them at that hour, and so does every intra_daily_Nh whose N divides 24. A policy is known to have been in force
-- from the look that read it to the last look before the one that read another policy, or that found the Droplet gone; a
-- window that had not ended by that last look is not due. The policy of the first look is assumed to have been in force
-- before: since the window of the oldest backup that this look saw, but no longer than its retention. No window before
-- pruned_before is due. Of a plan whose windows nobody documents, see announced_windows. Gone and unselected Droplets are
-- included, for as long as they were looked at.
-- Grain: one row per Droplet, policy and hour of the day at which its windows open
-- Units: UTC, days, hours
-- Reads: report_clock, known_droplets, droplets, backup_policies, backups, droplet_days
-- Order: account, droplet, droplet_id, first_day, opens_after_hours, last_day
-- Time: last_day
-- Columns:
--   account: name of the account in the configuration
--   droplet_id: DigitalOcean's id
--   droplet: its name, not unique
--   plan: as the policy said
--   retention_days: as the policy said; NULL where the API did not say
--   opens_after_hours: from 00:00 to when a window opens
--   length_hours: from then to its end
--   weekday: on which a window opens, as the policy said; NULL: on every day
--   first_day: UTC, from which on windows are due
--   last_day: UTC, up to which they are; before first_day if none is
--   last_followed_day: UTC, up to which a look came 12 h after a window's end or later; NULL where none came
--   first_look_at: UTC stamp of the Droplet's first look
--   last_observed_at: UTC stamp of the Droplet's last look; NULL without a look
WITH RECURSIVE
hour_of_day AS (
    SELECT 0 AS hour
    UNION ALL
    SELECT h.hour + 1
    FROM hour_of_day AS h
    WHERE h.hour < 23
),

rule AS NOT MATERIALIZED (
    SELECT
        p.*,
        c.now,
        hours_between_windows(p) AS hours_apart,
        coalesce(p.window_length_hours, least_of(4, hours_between_windows(p))) AS length_hours,
        p.valid_to <= c.now AS is_over,
        -- NULL if no later look confirmed the policy.
        CASE WHEN p.valid_to <= c.now THEN last_look_before(p.droplet_id, p.valid_to) END AS last_read_at
    FROM report_clock AS c
    CROSS JOIN backup_policies AS p
    WHERE p.is_enabled AND p.valid_from <= c.now
),

policy AS MATERIALIZED (
    SELECT
        k.account,
        k.droplet_id,
        k.droplet,
        k.first_look_at,
        k.last_observed_at,
        k.pruned_before,
        p.plan,
        p.retention_days,
        least_of(p.hours_apart, 24) AS hours_apart,
        p.hour % least_of(p.hours_apart, 24) AS first_hour,
        p.length_hours,
        CASE WHEN p.plan = 'weekly' THEN p.weekday END AS weekday,
        -- Since the window of its oldest backup, or a retention before it; NULL if the first look read another policy, and
        -- where no day before the policy is asked about.
        CASE
            WHEN day_of(p.valid_from) >= asked_from('0001-01-01') AND p.valid_from <= k.first_look_at AND NOT EXISTS (
                SELECT 1
                FROM backup_policies AS e
                WHERE e.droplet_id = p.droplet_id AND e.valid_from < p.valid_from
            ) THEN (
                SELECT greatest_of(
                    seconds_before(k.first_look_at, 86400 * p.retention_days),
                    seconds_before(
                        b.created_at,
                        3600 * CASE WHEN p.plan IN ('daily', 'weekly') THEN p.length_hours + 12 ELSE p.hours_apart END - 1
                    )
                )
                FROM backups AS b
                WHERE
                    b.droplet_id = k.droplet_id
                    AND b.first_seen_at <= k.first_look_at
                    AND p.retention_days IS NOT NULL
                ORDER BY b.created_at
                LIMIT 1
            )
        END AS assumed_from,
        greatest_of(p.valid_from, coalesce(k.pruned_before, p.valid_from)) AS read_from,
        least_of(
            CASE WHEN p.is_over THEN p.last_read_at ELSE coalesce(k.unselected_since, p.now) END,
            seconds_before(p.now, 12 * 3600)
        ) AS ends_by
    FROM known_droplets AS k
    INNER JOIN rule AS p ON p.droplet_id = k.droplet_id
    WHERE p.hours_apart IS NOT NULL AND (p.is_over IS NOT TRUE OR p.last_read_at IS NOT NULL)
)

SELECT
    p.account,
    p.droplet_id,
    p.droplet,
    p.plan,
    p.retention_days,
    CAST(h.hour AS double precision) AS opens_after_hours,
    CAST(p.length_hours AS double precision) AS length_hours,
    p.weekday,
    day_of(
        seconds_before(
            least_of(
                p.read_from,
                greatest_of(coalesce(p.assumed_from, p.read_from), coalesce(p.pruned_before, p.assumed_from, p.read_from))
            ),
            3600 * h.hour - 86399
        )
    ) AS first_day,
    day_of(seconds_before(p.ends_by, 3600 * (h.hour + p.length_hours))) AS last_day,
    day_of(seconds_before(p.last_observed_at, 3600 * (h.hour + p.length_hours + 12))) AS last_followed_day,
    p.first_look_at,
    p.last_observed_at
FROM policy AS p
INNER JOIN hour_of_day AS h ON h.hour % p.hours_apart = p.first_hour
