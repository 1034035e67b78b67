-- What do the backups of each Droplet cost a month, as things are now?
-- The whole month under the policy in force: the Droplet's price x the plan's percent, or the gigabytes held now x the
-- plan's rate, which is a lower bound (see monthly_cost). Rates are those in backup_rates that hold on the UTC day of
-- report_clock.now.
-- Grain: one row per selected Droplet that exists
-- Units: US dollars a month, gigabytes as billed
-- Reads: report_clock, known_droplets, droplet_size_now, backup_policies, backup_rates
-- Order: account, estimated_usd DESC NULLS LAST, droplet, droplet_id
-- Columns:
--   account: name of the account in the configuration
--   droplet_id: DigitalOcean's id
--   droplet: its name, not unique
--   plan: of the policy in force now; NULL with backups off, or if no policy was ever read
--   price_monthly_usd: of the Droplet; NULL where the API gave no price
--   size_gigabytes: of all its backups together; NULL if never looked at
--   estimated_usd: a month; 0 with backups off; NULL if the plan has no rate, or policy or price are unknown
SELECT
    k.account,
    k.droplet_id,
    k.droplet,
    p.plan,
    k.price_monthly_usd,
    n.size_gigabytes,
    CASE
        WHEN NOT p.is_enabled THEN 0.0
        WHEN r.gibibyte_month_usd IS NULL
            THEN rounded(k.price_monthly_usd * r.price_percent / 100)
        ELSE rounded(n.size_gigabytes * r.gibibyte_month_usd)
    END AS estimated_usd
FROM report_clock AS c
CROSS JOIN known_droplets AS k
LEFT JOIN droplet_size_now AS n ON n.droplet_id = k.droplet_id
LEFT JOIN backup_policies AS p
    ON p.droplet_id = k.droplet_id
    AND p.valid_from <= c.now
    AND (p.valid_to IS NULL OR p.valid_to > c.now)
LEFT JOIN backup_rates AS r
    ON r.plan = p.plan
    AND r.valid_from <= day_of(c.now)
    AND (r.valid_to IS NULL OR day_of(c.now) < r.valid_to)
WHERE k.is_current
