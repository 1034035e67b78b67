-- Does each Droplet keep as many backups as its policy has had time to make?
-- A backup is expected for each window of due_windows that a look followed, if the backup cannot have expired yet:
-- neither by the policy in force then nor by the one in force now. Switching backups off deletes them, so none is expected
-- of windows before backups were last switched on again. Under any plan, even one whose windows nobody knows, a Droplet
-- that had backups has too few with none left, unless backups were switched on again and no first window is over yet,
-- which it is 12 h after its end; where no window is known, for 7 days.
-- Grain: one row per selected Droplet that exists
-- Units: UTC, hours
-- Reads: report_clock, known_droplets, droplet_size_now, backup_policies, droplet_windows, backups, window_schedules, announced_windows
-- Order: account, droplet, droplet_id
-- Columns:
--   account: name of the account in the configuration
--   droplet_id: DigitalOcean's id
--   droplet: its name, not unique
--   plan: of the policy in force now; NULL with backups off, or if no policy was ever read
--   retention_days: of the policy in force now; NULL where plan is, or if the API does not say
--   backups: how many exist; NULL if never looked at
--   expected_backups: how many should exist; 0 with backups off; NULL if that is unknown
--   oldest_backup_at: UTC created_at of the oldest; NULL without backups
--   newest_backup_at: UTC created_at of the newest; NULL without backups
--   recovery_window_hours: how far back one can restore: from oldest_backup_at to now; NULL without backups
--   verdict: enough, too few (none left included), off, or unknown: nothing says how many backups there should be
WITH
policy AS (
    SELECT
        p.droplet_id,
        p.is_enabled,
        p.plan,
        p.retention_days,
        -- Where the API does not say, windows count for the longest retention that is documented.
        coalesce(p.retention_days, 28) AS counted_days,
        hours_between_windows(p) IS NOT NULL AS has_known_windows,
        -- NULL if backups were never known to be off.
        (
            SELECT max(o.valid_to)
            FROM backup_policies AS o
            WHERE o.droplet_id = p.droplet_id AND NOT o.is_enabled AND o.valid_to <= c.now
        ) AS on_again_since
    FROM report_clock AS c
    CROSS JOIN backup_policies AS p
    WHERE p.valid_from <= c.now AND (p.valid_to IS NULL OR p.valid_to > c.now)
),

-- The days that count of each schedule; they need not be any.
counted AS (
    SELECT
        s.droplet_id,
        number_of_weekday(s.weekday) AS weekday,
        greatest_of(
            s.first_day,
            greatest_of(
                -- So that less than the shorter retention passed since a window opened.
                days_before(
                    day_of(seconds_before(c.now, 3600 * s.opens_after_hours)),
                    least_of(coalesce(s.retention_days, 28), p.counted_days) - 1
                ),
                coalesce(day_of(seconds_before(p.on_again_since, 3600 * s.opens_after_hours - 86399)), s.first_day)
            )
        ) AS from_day,
        -- Nobody can have seen a backup made since the last look.
        least_of(s.last_day, s.last_followed_day) AS to_day
    FROM report_clock AS c
    CROSS JOIN window_schedules AS s
    INNER JOIN policy AS p ON p.droplet_id = s.droplet_id
    WHERE s.last_followed_day IS NOT NULL
),

due AS (
    SELECT
        d.droplet_id,
        CAST(sum(d.windows) AS bigint) AS windows
    FROM (
        SELECT
            s.droplet_id,
            CASE
                WHEN s.weekday IS NULL THEN days_between(s.from_day, s.to_day) + 1
                -- Of a fixed Sunday's weeks, those whose weekday came by the last day, less those where it came before.
                ELSE (days_between('0001-01-07', s.to_day) + 7 - s.weekday) / 7
                    - (days_between('0001-01-07', s.from_day) + 6 - s.weekday) / 7
            END AS windows
        FROM counted AS s
        WHERE s.from_day <= s.to_day
        UNION ALL
        SELECT
            w.droplet_id,
            1
        FROM report_clock AS c
        CROSS JOIN announced_windows AS w
        INNER JOIN policy AS p ON p.droplet_id = w.droplet_id
        WHERE
            w.window_starts_at > seconds_before(c.now, 86400 * least_of(coalesce(w.retention_days, 28), p.counted_days))
            AND w.awaited_until_at <= w.last_observed_at
            AND (p.on_again_since IS NULL OR w.window_starts_at >= p.on_again_since)
    ) AS d
    GROUP BY d.droplet_id
),

-- Once: PostgreSQL, which takes the Droplets of one of many accounts for one, would read them for each of these again.
size_now AS MATERIALIZED (
    SELECT *
    FROM droplet_size_now
),

kept AS (
    SELECT
        k.account,
        k.droplet_id,
        k.droplet,
        p.is_enabled,
        p.plan,
        p.retention_days,
        n.backups,
        CASE
            WHEN NOT p.is_enabled THEN 0
            -- Where no window is known to be due, nobody knows how many backups there should be.
            WHEN p.has_known_windows AND p.retention_days IS NOT NULL AND n.backups IS NOT NULL
                THEN coalesce(d.windows, 0)
        END AS expected_backups,
        n.oldest_backup_at,
        n.newest_backup_at,
        rounded(seconds_between(n.oldest_backup_at, c.now) / 3600) AS recovery_window_hours,
        n.backups = 0
        AND EXISTS (
            SELECT 1
            FROM backups AS b
            WHERE b.droplet_id = k.droplet_id AND b.first_seen_at <= c.now
        )
        AND (
            p.on_again_since IS NULL
            OR d.windows > 0
            OR NOT p.has_known_windows AND k.last_observed_at >= coalesce(
                (
                    SELECT seconds_before(w.ends_at, -12 * 3600)
                    FROM droplet_windows AS w
                    WHERE w.droplet_id = k.droplet_id AND w.valid_from >= p.on_again_since AND w.valid_from <= c.now
                    ORDER BY w.valid_from
                    LIMIT 1
                ),
                seconds_before(p.on_again_since, -7 * 86400)
            )
        ) AS has_none_left
    FROM report_clock AS c
    CROSS JOIN known_droplets AS k
    LEFT JOIN policy AS p ON p.droplet_id = k.droplet_id
    LEFT JOIN size_now AS n ON n.droplet_id = k.droplet_id
    LEFT JOIN due AS d ON d.droplet_id = k.droplet_id
    WHERE k.is_current
)

SELECT
    account,
    droplet_id,
    droplet,
    plan,
    retention_days,
    backups,
    expected_backups,
    oldest_backup_at,
    newest_backup_at,
    recovery_window_hours,
    CASE
        WHEN NOT is_enabled THEN 'off'
        WHEN has_none_left OR backups < expected_backups THEN 'too few'
        WHEN expected_backups IS NULL THEN 'unknown'
        ELSE 'enough'
    END AS verdict
FROM kept
