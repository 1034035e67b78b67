-- What happened recently?
-- Every event since report_clock.since, at the stamp of the look that learned of it; gone and unselected Droplets are
-- included. The attributes with which a Droplet or a backup appears are no change. Where several attributes changed at
-- once, each has a row. Only here stands another created_at than the one that a backup appeared with.
-- Grain: one row per event
-- Units: UTC
-- Reads: report_clock, known_droplets, droplet_versions, backup_policies, backups, backup_versions, backup_regions
-- Order: learned_at DESC, account, droplet, droplet_id, event, backup_id, attribute, old_value NULLS FIRST, new_value NULLS FIRST
-- Time: learned_at, from report_clock.since
-- Columns:
--   account: name of the account in the configuration
--   droplet_id: DigitalOcean's id
--   droplet: the Droplet's name now, not unique
--   learned_at: UTC stamp
--   event: backup_appeared _changed _ended _returned, policy_changed, droplet_appeared _renamed _resized _changed _gone _returned
--   backup_id: DigitalOcean's image id; NULL if the event is not about a backup
--   attribute: the changed attribute, named as its column; NULL if none changed
--   old_value: of that attribute, as text; NULL if there was none
--   new_value: of that attribute, as text; NULL if there is none
--   gone_reason: why a backup ended, as in backup_lifetimes; NULL for other events
WITH
known AS MATERIALIZED (
    SELECT
        account,
        droplet_id,
        droplet
    FROM known_droplets
),

event AS (
    SELECT
        b.droplet_id,
        b.first_seen_at AS learned_at,
        'backup_appeared' AS event,
        b.id AS backup_id,
        CAST(NULL AS text) AS attribute,
        CAST(NULL AS text) AS old_value,
        CAST(NULL AS text) AS new_value,
        CAST(NULL AS text) AS gone_reason
    FROM report_clock AS c
    CROSS JOIN backups AS b
    WHERE b.first_seen_at >= c.since AND b.first_seen_at <= c.now
    UNION ALL
    SELECT
        b.droplet_id,
        v.valid_to AS learned_at,
        'backup_ended' AS event,
        v.backup_id,
        NULL AS attribute,
        NULL AS old_value,
        NULL AS new_value,
        CASE WHEN v.replaced_at <= c.now THEN v.replaced_by ELSE v.closed_by END AS gone_reason
    FROM report_clock AS c
    CROSS JOIN backup_versions AS v
    CROSS JOIN backups AS b
    WHERE
        v.valid_to >= c.since
        AND v.valid_to <= c.now
        AND v.closed_by <> 'change'
        AND b.id = v.backup_id
    UNION ALL
    SELECT
        b.droplet_id,
        v.valid_from AS learned_at,
        'backup_returned' AS event,
        v.backup_id,
        NULL AS attribute,
        NULL AS old_value,
        NULL AS new_value,
        NULL AS gone_reason
    FROM report_clock AS c
    -- Few backups ever change or return.
    CROSS JOIN backups AS b
    CROSS JOIN backup_versions AS v
    WHERE
        b.changed_at >= c.since
        AND v.backup_id = b.id
        AND v.valid_from >= c.since
        AND v.valid_from <= c.now
        AND EXISTS (SELECT 1 FROM backup_versions AS u WHERE u.backup_id = v.backup_id AND u.valid_from < v.valid_from)
        AND NOT EXISTS (SELECT 1 FROM backup_versions AS w WHERE w.backup_id = v.backup_id AND w.valid_to = v.valid_from)
    UNION ALL
    SELECT
        x.droplet_id,
        x.learned_at,
        'backup_changed' AS event,
        x.backup_id,
        x.attribute,
        x.old_value,
        x.new_value,
        NULL AS gone_reason
    FROM (
        SELECT
            b.droplet_id,
            v.valid_to AS learned_at,
            v.backup_id,
            a.attribute,
            CASE a.attribute
                WHEN 'name' THEN v.name
                WHEN 'type' THEN v.type
                -- By way of text, so that both databases write a whole number without a fraction.
                WHEN 'size_gigabytes' THEN CAST(CAST(CAST(rounded(v.size_gigabytes) AS text) AS numeric) AS text)
                WHEN 'created_at' THEN time_text(coalesce(v.created_at, b.created_at))
                ELSE CAST(v.min_disk_size AS text)
            END AS old_value,
            CASE a.attribute
                WHEN 'name' THEN w.name
                WHEN 'type' THEN w.type
                WHEN 'size_gigabytes' THEN CAST(CAST(CAST(rounded(w.size_gigabytes) AS text) AS numeric) AS text)
                WHEN 'created_at' THEN time_text(coalesce(w.created_at, b.created_at))
                ELSE CAST(w.min_disk_size AS text)
            END AS new_value
        FROM report_clock AS c
        CROSS JOIN backups AS b
        CROSS JOIN backup_versions AS v
        CROSS JOIN backup_versions AS w
        CROSS JOIN (
            SELECT 'name' AS attribute
            UNION ALL SELECT 'type'
            UNION ALL SELECT 'size_gigabytes'
            UNION ALL SELECT 'created_at'
            UNION ALL SELECT 'min_disk_size_gigabytes'
        ) AS a
        WHERE
            b.changed_at >= c.since
            AND v.backup_id = b.id
            AND v.valid_to >= c.since
            AND v.valid_to <= c.now
            AND v.closed_by = 'change'
            AND w.backup_id = v.backup_id
            AND w.valid_from = v.valid_to
    ) AS x
    WHERE x.old_value <> x.new_value
    UNION ALL
    -- A backup that existed before and after came to a region, or left one.
    SELECT
        r.droplet_id,
        r.learned_at,
        'backup_changed' AS event,
        r.backup_id,
        'regions' AS attribute,
        r.old_value,
        r.new_value,
        NULL AS gone_reason
    FROM (
        SELECT
            b.droplet_id,
            o.backup_id,
            o.valid_from AS learned_at,
            NULL AS old_value,
            o.region AS new_value
        FROM report_clock AS c
        CROSS JOIN backups AS b
        CROSS JOIN backup_regions AS o
        WHERE
            b.changed_at >= c.since
            AND o.backup_id = b.id
            AND o.valid_from > b.first_seen_at
            AND o.valid_from >= c.since
            AND o.valid_from <= c.now
        UNION ALL
        SELECT
            b.droplet_id,
            o.backup_id,
            o.valid_to AS learned_at,
            o.region AS old_value,
            NULL AS new_value
        FROM report_clock AS c
        CROSS JOIN backups AS b
        CROSS JOIN backup_regions AS o
        WHERE
            b.changed_at >= c.since
            AND o.backup_id = b.id
            AND (b.gone_at IS NULL OR o.valid_to < b.gone_at)
            AND o.valid_to >= c.since
            AND o.valid_to <= c.now
    ) AS r
    WHERE
        EXISTS (
            SELECT 1
            FROM backup_versions AS v
            WHERE
                v.backup_id = r.backup_id
                AND v.valid_from < r.learned_at
                AND (
                    v.valid_to IS NULL
                    OR v.valid_to > r.learned_at
                    OR (v.valid_to = r.learned_at AND v.closed_by = 'change')
                )
        )
    UNION ALL
    SELECT
        k.droplet_id,
        k.first_seen_at AS learned_at,
        'droplet_appeared' AS event,
        NULL AS backup_id,
        NULL AS attribute,
        NULL AS old_value,
        NULL AS new_value,
        NULL AS gone_reason
    FROM report_clock AS c
    CROSS JOIN known_droplets AS k
    WHERE k.first_seen_at >= c.since
    UNION ALL
    SELECT
        v.droplet_id,
        v.valid_to AS learned_at,
        'droplet_gone' AS event,
        NULL AS backup_id,
        NULL AS attribute,
        NULL AS old_value,
        NULL AS new_value,
        NULL AS gone_reason
    FROM report_clock AS c
    CROSS JOIN droplet_versions AS v
    WHERE
        v.valid_to >= c.since
        AND v.valid_to <= c.now
        AND NOT EXISTS (
            SELECT 1 FROM droplet_versions AS w WHERE w.droplet_id = v.droplet_id AND w.valid_from = v.valid_to
        )
    UNION ALL
    SELECT
        v.droplet_id,
        v.valid_from AS learned_at,
        'droplet_returned' AS event,
        NULL AS backup_id,
        NULL AS attribute,
        NULL AS old_value,
        NULL AS new_value,
        NULL AS gone_reason
    FROM report_clock AS c
    CROSS JOIN droplet_versions AS v
    WHERE
        v.valid_from >= c.since
        AND v.valid_from <= c.now
        AND EXISTS (
            SELECT 1 FROM droplet_versions AS w WHERE w.droplet_id = v.droplet_id AND w.valid_from < v.valid_from
        )
        AND NOT EXISTS (
            SELECT 1 FROM droplet_versions AS w WHERE w.droplet_id = v.droplet_id AND w.valid_to = v.valid_from
        )
    UNION ALL
    SELECT
        x.droplet_id,
        x.learned_at,
        x.event,
        NULL AS backup_id,
        x.attribute,
        x.old_value,
        x.new_value,
        NULL AS gone_reason
    FROM (
        SELECT
            v.droplet_id,
            w.valid_from AS learned_at,
            a.event,
            a.attribute,
            CASE a.attribute
                WHEN 'name' THEN v.name
                WHEN 'size_slug' THEN coalesce(v.size_slug, '')
                WHEN 'region' THEN coalesce(v.region, '')
                WHEN 'status' THEN coalesce(v.status, '')
                ELSE coalesce(CAST(CAST(CAST(v.price_monthly_usd AS text) AS numeric) AS text), '')
            END AS old_value,
            CASE a.attribute
                WHEN 'name' THEN w.name
                WHEN 'size_slug' THEN coalesce(w.size_slug, '')
                WHEN 'region' THEN coalesce(w.region, '')
                WHEN 'status' THEN coalesce(w.status, '')
                ELSE coalesce(CAST(CAST(CAST(w.price_monthly_usd AS text) AS numeric) AS text), '')
            END AS new_value
        FROM report_clock AS c
        CROSS JOIN droplet_versions AS w
        CROSS JOIN droplet_versions AS v
        CROSS JOIN (
            SELECT
                'droplet_renamed' AS event,
                'name' AS attribute
            UNION ALL SELECT 'droplet_resized', 'size_slug'
            UNION ALL SELECT 'droplet_changed', 'region'
            UNION ALL SELECT 'droplet_changed', 'status'
            UNION ALL SELECT 'droplet_changed', 'price_monthly_usd'
        ) AS a
        WHERE
            w.valid_from >= c.since
            AND w.valid_from <= c.now
            AND v.droplet_id = w.droplet_id
            AND v.valid_to = w.valid_from
    ) AS x
    WHERE x.old_value <> x.new_value
    UNION ALL
    SELECT
        x.droplet_id,
        x.learned_at,
        'policy_changed' AS event,
        NULL AS backup_id,
        'policy' AS attribute,
        x.old_value,
        x.new_value,
        NULL AS gone_reason
    FROM (
        SELECT
            p.droplet_id,
            p.valid_from AS learned_at,
            lag(p.policy) OVER (PARTITION BY p.droplet_id ORDER BY p.valid_from) AS old_value,
            p.policy AS new_value
        FROM (
            SELECT
                droplet_id,
                valid_from,
                CASE
                    WHEN is_enabled
                        THEN coalesce(plan, 'unknown plan')
                            || coalesce(' ' || weekday, '')
                            || coalesce(
                                CASE WHEN hour < 10 THEN ' 0' ELSE ' ' END || CAST(hour AS text) || ':00 UTC', ''
                            )
                            || coalesce(', kept ' || CAST(retention_days AS text) || ' days', '')
                    ELSE 'off'
                END AS policy
            FROM backup_policies
        ) AS p
    ) AS x
    CROSS JOIN report_clock AS c
    WHERE x.learned_at >= c.since AND x.learned_at <= c.now AND x.old_value <> x.new_value
)

SELECT
    k.account,
    -- From the event, so that a condition on it reaches each kind of event.
    e.droplet_id,
    k.droplet,
    e.learned_at,
    e.event,
    e.backup_id,
    e.attribute,
    e.old_value,
    e.new_value,
    e.gone_reason
FROM event AS e
INNER JOIN known AS k ON k.droplet_id = e.droplet_id
