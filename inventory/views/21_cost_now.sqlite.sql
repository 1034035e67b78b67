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
            THEN CAST(round(CAST(k.price_monthly_usd * r.price_percent / 100 AS numeric), 4) AS double precision)
        ELSE CAST(round(CAST(n.size_gigabytes * r.gibibyte_month_usd AS numeric), 4) AS double precision)
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
    AND r.valid_from <= date(c.now)
    AND (r.valid_to IS NULL OR date(c.now) < r.valid_to)
WHERE k.is_current
