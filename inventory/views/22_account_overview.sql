-- How is each account doing: what is protected, what does it cost, are backups made, and who looks?
-- Figures only; what is wrong with an account, and how badly, is a question for the rules: the report of this name and
-- inventory check say it. Costs are those of monthly_cost, of gone and unselected Droplets too, as far as they are known.
-- Windows are those of due_windows that opened on this UTC day or one of the 29 before.
-- Grain: one row per account that was ever synced
-- Units: UTC, gigabytes as billed, US dollars, percent
-- Reads: report_clock, accounts, sync_health, droplet_retention, unprotected_droplets, droplet_size_now, monthly_cost, due_windows, backups
-- Order: account
-- Columns:
--   account: name of the account in the configuration
--   account_group: whose it is, as the configuration last said; NULL if it says nothing, or no verdict was kept yet
--   droplets: selected Droplets that exist
--   droplets_protected: of these, neither in unprotected_droplets nor without any of the backups that they had
--   backups: how many of theirs exist; NULL while none of the Droplets was looked at
--   size_gigabytes: the sum of their sizes; NULL as backups
--   this_month_usd: estimated for what has passed of the UTC month; NULL if no Droplet's cost is known
--   last_month_usd: estimated for the month before; NULL as this_month_usd
--   windows_due: in which a backup was due in the last 30 UTC days
--   windows_made: of these, with a backup
--   windows_made_percent: of windows_due; NULL if none was due
--   oldest_observed_at: UTC, the oldest last look; NULL if a Droplet has none
--   last_complete_at: UTC, when the last complete run over the whole configuration ended; NULL if there was none
WITH RECURSIVE
-- As droplet_retention asks for the ages of windows: by equality for SQLite, by a bound for PostgreSQL.
age AS (
    SELECT 0 AS days
    UNION ALL
    SELECT a.days + 1
    FROM age AS a
    WHERE a.days < 29
),

-- Not by empty_windows, which would lay out the windows once more.
coverage AS (
    SELECT
        w.account,
        count(*) AS due,
        count(backup_for(w, c.now)) AS made
    FROM report_clock AS c
    CROSS JOIN age AS a
    INNER JOIN due_windows AS w ON w.age_days = a.days
    WHERE w.age_days <= 29
    GROUP BY w.account
),

month AS (
    SELECT
        month_of(c.now) AS this_month,
        month_of(seconds_before(time_of(month_of(c.now), 0), 86400)) AS last_month
    FROM report_clock AS c
),

cost AS (
    SELECT
        m.account,
        sum(CASE WHEN m.month = t.this_month THEN m.estimated_usd END) AS this_month_usd,
        sum(CASE WHEN m.month = t.last_month THEN m.estimated_usd END) AS last_month_usd
    FROM month AS t
    CROSS JOIN monthly_cost AS m
    WHERE m.month IN (t.this_month, t.last_month)
    GROUP BY m.account
),

-- Once: PostgreSQL, which takes the Droplets of one of many accounts for one, would read them for each of these again.
size_now AS MATERIALIZED (
    SELECT *
    FROM droplet_size_now
),

droplet AS (
    SELECT
        r.account,
        count(*) AS droplets,
        sum(CASE WHEN u.droplet_id IS NULL AND NOT (r.verdict = 'too few' AND r.backups = 0) THEN 1 ELSE 0 END) AS protected,
        CAST(sum(s.backups) AS bigint) AS backups,
        sum(s.size_gigabytes) AS size_gigabytes
    FROM droplet_retention AS r
    LEFT JOIN unprotected_droplets AS u ON u.droplet_id = r.droplet_id
    LEFT JOIN size_now AS s ON s.droplet_id = r.droplet_id
    GROUP BY r.account
)

SELECT
    h.account,
    a.account_group,
    h.droplets,
    coalesce(d.protected, 0) AS droplets_protected,
    CASE WHEN d.account IS NULL THEN 0 ELSE d.backups END AS backups,
    CASE WHEN d.account IS NULL THEN 0.0 ELSE rounded(d.size_gigabytes) END AS size_gigabytes,
    rounded(c.this_month_usd) AS this_month_usd,
    rounded(c.last_month_usd) AS last_month_usd,
    coalesce(w.due, 0) AS windows_due,
    coalesce(w.made, 0) AS windows_made,
    rounded(100.0 * w.made / w.due) AS windows_made_percent,
    h.oldest_observed_at,
    h.last_complete_at
FROM sync_health AS h
INNER JOIN accounts AS a ON a.name = h.account
LEFT JOIN droplet AS d ON d.account = h.account
LEFT JOIN cost AS c ON c.account = h.account
LEFT JOIN coverage AS w ON w.account = h.account
