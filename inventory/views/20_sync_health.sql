-- Does the service look, and does it see everything?
-- Grain: one row per account that was ever synced
-- Units: UTC
-- Reads: report_clock, accounts, account_versions, sync_runs, known_droplets
-- Order: account
-- Columns:
--   account: name of the account in the configuration
--   account_status: as /v2/account last said; NULL while no token could read it
--   last_run_at: UTC, when the last run started
--   last_run_status: running, complete, partial, held, failed or interrupted
--   last_run_error: why the run is not complete; NULL if it is complete or still running
--   last_complete_at: UTC, when the last complete run over the whole configuration ended; NULL if there was none
--   consecutive_failures: runs over the whole configuration that ended since then, none of them complete
--   droplets: selected Droplets that exist
--   droplets_overdue: of these, not looked at for overdue_after_hours or never
--   oldest_observed_at: UTC, the oldest last look; NULL if a Droplet has none
--   held_since: UTC, end of the first run that the brake held; NULL if none was held, or a later one was not
--   token_rejected_since: UTC, start of the first run with a rejected token; NULL if none, or a later one was accepted
--   overdue_after_hours: hours after a complete run until a sync is overdue, by the last run's schedule; 26 if unknown
WITH
run AS (
    SELECT
        r.account_id,
        r.id,
        r.started_at,
        r.mode,
        r.overdue_after_seconds,
        CASE WHEN r.finished_at <= c.now THEN r.finished_at END AS finished_at,
        CASE WHEN r.finished_at <= c.now THEN r.status ELSE 'running' END AS status,
        CASE WHEN r.finished_at <= c.now THEN r.error END AS error,
        CASE WHEN r.finished_at <= c.now THEN r.failure END AS failure
    FROM report_clock AS c
    CROSS JOIN sync_runs AS r
    WHERE r.started_at <= c.now
),

whole AS (
    SELECT
        account_id,
        max(id) AS last_run_id,
        coalesce(max(CASE WHEN mode <> 'subset' THEN id END), max(id)) AS schedule_run_id,
        max(CASE WHEN status = 'complete' AND mode <> 'subset' THEN finished_at END) AS last_complete_at,
        max(CASE WHEN status = 'complete' AND mode <> 'subset' THEN id ELSE 0 END) AS last_complete_id,
        max(CASE WHEN status IN ('complete', 'partial') AND mode <> 'subset' THEN id ELSE 0 END) AS last_not_held_id,
        max(CASE WHEN status IN ('complete', 'partial', 'held') THEN id ELSE 0 END) AS last_let_in_id
    FROM run
    GROUP BY account_id
),

-- What counts is the last complete run, and what came after it.
since AS (
    SELECT
        w.account_id,
        sum(CASE WHEN r.id > w.last_complete_id AND r.mode <> 'subset' AND r.finished_at IS NOT NULL THEN 1 ELSE 0 END)
            AS consecutive_failures,
        min(CASE WHEN r.id > w.last_not_held_id AND r.status = 'held' THEN r.finished_at END) AS held_since,
        min(
            CASE
                WHEN r.id > w.last_let_in_id AND r.status = 'failed' AND r.failure = 'unauthorized' THEN r.started_at
            END
        ) AS token_rejected_since,
        max(CASE WHEN r.id = w.schedule_run_id THEN r.overdue_after_seconds END) AS overdue_after_seconds
    FROM whole AS w
    INNER JOIN run AS r ON r.account_id = w.account_id AND r.id >= w.last_complete_id
    GROUP BY w.account_id
),

overdue AS (
    SELECT
        a.name AS account,
        seconds_before(c.now, s.overdue_after_seconds) AS overdue_before
    FROM report_clock AS c
    CROSS JOIN since AS s
    INNER JOIN accounts AS a ON a.id = s.account_id
),

droplet AS (
    SELECT
        k.account,
        count(*) AS droplets,
        sum(CASE WHEN k.last_observed_at >= o.overdue_before THEN 0 ELSE 1 END) AS droplets_overdue,
        CASE WHEN count(*) = count(k.last_observed_at) THEN min(k.last_observed_at) END AS oldest_observed_at
    FROM known_droplets AS k
    CROSS JOIN overdue AS o
    WHERE k.is_current AND o.account = k.account
    GROUP BY k.account
)

SELECT
    a.name AS account,
    v.status AS account_status,
    r.started_at AS last_run_at,
    r.status AS last_run_status,
    r.error AS last_run_error,
    w.last_complete_at,
    s.consecutive_failures,
    coalesce(d.droplets, 0) AS droplets,
    coalesce(d.droplets_overdue, 0) AS droplets_overdue,
    d.oldest_observed_at,
    s.held_since,
    s.token_rejected_since,
    rounded(CAST(s.overdue_after_seconds AS double precision) / 3600) AS overdue_after_hours
FROM report_clock AS c
CROSS JOIN accounts AS a
INNER JOIN whole AS w ON w.account_id = a.id
INNER JOIN run AS r ON r.id = w.last_run_id
INNER JOIN since AS s ON s.account_id = a.id
LEFT JOIN droplet AS d ON d.account = a.name
LEFT JOIN account_versions AS v
    ON v.account_id = a.id
    AND v.valid_from <= c.now
    AND (v.valid_to IS NULL OR v.valid_to > c.now)
