SELECT
    a.name AS account,
    d.id AS droplet_id,
    v.name AS droplet,
    v.region,
    v.size_slug,
    v.price_monthly_usd,
    v.status,
    d.created_at,
    d.first_seen_at,
    CASE WHEN d.first_look_at <= c.now THEN d.first_look_at END AS first_look_at,
    CASE
        WHEN d.last_observed_at <= c.now THEN d.last_observed_at
        ELSE last_look_before(d.id, seconds_before(c.now, -1))
    END AS last_observed_at,
    v.unselected_since,
    CASE WHEN v.valid_to <= c.now THEN v.valid_to END AS gone_at,
    a.pruned_before,
    v.unselected_since IS NULL AND (v.valid_to IS NULL OR v.valid_to > c.now) AS is_current
FROM report_clock AS c
CROSS JOIN droplets AS d
INNER JOIN droplet_versions AS v
    ON v.droplet_id = d.id
    AND v.valid_from = (
        SELECT max(w.valid_from)
        FROM droplet_versions AS w
        WHERE w.droplet_id = d.id AND w.valid_from <= c.now
    )
INNER JOIN accounts AS a ON a.id = v.account_id
