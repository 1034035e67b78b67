WITH known AS (
    SELECT
        k.account,
        k.droplet_id,
        k.droplet,
        b.id AS backup_id,
        b.created_at,
        CASE WHEN b.gone_at <= c.now THEN b.size_gigabytes ELSE v.size_gigabytes END AS size_gigabytes,
        b.first_seen_at,
        CASE
            WHEN b.gone_at <= c.now THEN b.gone_after_at
            WHEN v.valid_to <= c.now
                THEN greatest_of(v.valid_from, coalesce(last_look_before(b.droplet_id, v.valid_to), v.valid_from))
            ELSE greatest_of(v.valid_from, coalesce(k.last_observed_at, v.valid_from))
        END AS last_seen_at,
        CASE
            WHEN b.gone_at <= c.now THEN b.gone_at
            WHEN v.valid_to <= c.now THEN v.valid_to
        END AS gone_at,
        CASE
            WHEN b.gone_at <= c.now AND b.gone_reason_replaced_at > c.now THEN (
                SELECT w.closed_by
                FROM backup_versions AS w
                WHERE w.backup_id = b.id AND w.valid_to = b.gone_at
            )
            WHEN b.gone_at <= c.now THEN b.gone_reason
            WHEN v.replaced_at <= c.now THEN v.replaced_by
            WHEN v.valid_to <= c.now THEN v.closed_by
        END AS gone_reason,
        c.now
    FROM report_clock AS c
    CROSS JOIN known_droplets AS k
    INNER JOIN backups AS b ON b.droplet_id = k.droplet_id AND b.first_seen_at <= c.now
    -- If it is not gone for good by then, its last version says whether it existed.
    LEFT JOIN LATERAL (
        SELECT w.*
        FROM backup_versions AS w
        WHERE
            (b.gone_at IS NULL OR b.gone_at > c.now)
            AND w.backup_id = b.id
            AND w.valid_from <= c.now
        ORDER BY w.valid_from DESC
        LIMIT 1
    ) AS v ON TRUE
)

SELECT
    k.account,
    k.droplet_id,
    k.droplet,
    k.backup_id,
    k.created_at,
    k.size_gigabytes,
    k.first_seen_at,
    k.last_seen_at,
    k.gone_at,
    k.gone_reason,
    rounded(seconds_between(k.created_at, coalesce(k.gone_at, k.now)) / 86400) AS lifetime_days,
    CASE
        WHEN k.gone_reason = 'unexplained' THEN rounded((
            SELECT min(p.retention_days)
            FROM backup_policies AS p
            WHERE
                p.droplet_id = k.droplet_id
                AND p.valid_from IN (
                    -- In force when it was made and when it was last seen; before the first one was read, the first.
                    coalesce(
                        (
                            SELECT max(q.valid_from)
                            FROM backup_policies AS q
                            WHERE
                                q.droplet_id = k.droplet_id
                                AND q.retention_days IS NOT NULL
                                AND q.valid_from <= k.created_at
                        ),
                        (
                            SELECT min(q.valid_from)
                            FROM backup_policies AS q
                            WHERE
                                q.droplet_id = k.droplet_id
                                AND q.retention_days IS NOT NULL
                                AND q.valid_from <= k.gone_at
                        )
                    ),
                    coalesce(
                        (
                            SELECT max(q.valid_from)
                            FROM backup_policies AS q
                            WHERE
                                q.droplet_id = k.droplet_id
                                AND q.retention_days IS NOT NULL
                                AND q.valid_from <= k.last_seen_at
                        ),
                        (
                            SELECT min(q.valid_from)
                            FROM backup_policies AS q
                            WHERE
                                q.droplet_id = k.droplet_id
                                AND q.retention_days IS NOT NULL
                                AND q.valid_from <= k.gone_at
                        )
                    ),
                    -- As read by the look that no longer found it; one that does not say its retention counts for nothing.
                    (
                        SELECT max(q.valid_from)
                        FROM backup_policies AS q
                        WHERE q.droplet_id = k.droplet_id AND q.valid_from <= k.gone_at
                    )
                )
        ) - seconds_between(k.created_at, k.gone_at) / 86400)
    END AS early_by_days
FROM known AS k
