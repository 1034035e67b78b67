-- What did the backups of each account cost in each month, and were they made?
-- A month is added up once, as soon as a complete run over the whole configuration has ended a day or more after it, from
-- monthly_cost and coverage_by_month as they were when that was done; it counts the Droplets that were the account's
-- then, and nothing that was learned later. This month, and the one before until it is added up, are in account_overview.
-- Grain: one row per account and UTC month that was added up, none before its first run
-- Units: UTC, US dollars, percent
-- Reads: report_clock, accounts, account_months
-- Order: account, month DESC
-- Time: month
-- Columns:
--   account: name of the account in the configuration
--   account_group: whose it is, as the configuration last said; NULL if it says nothing, or no verdict was kept yet
--   month: UTC, its first day
--   droplets: which were looked at in it, or of which a backup was made
--   backups_made: backups created in it, without those that nobody saw or that were pruned
--   estimated_usd: of all Droplets whose cost is known; NULL if none is
--   droplets_of_unknown_cost: Droplets that are missing in estimated_usd
--   windows_due: in which a backup was due
--   windows_made: of these, with a backup
--   windows_made_percent: of windows_due; NULL if none was due
--   is_complete_month: whether the account was looked at before it, or on its first day
--   added_up_at: UTC, the moment whose knowledge it is
SELECT
    a.name AS account,
    a.account_group,
    m.month,
    m.droplets,
    m.backups_made,
    m.estimated_usd,
    m.droplets_of_unknown_cost,
    m.windows_due,
    m.windows_made,
    rounded(100.0 * m.windows_made / nullif(m.windows_due, 0)) AS windows_made_percent,
    m.is_complete_month,
    m.added_up_at
FROM report_clock AS c
CROSS JOIN account_months AS m
INNER JOIN accounts AS a ON a.id = m.account_id
WHERE m.added_up_at <= c.now
