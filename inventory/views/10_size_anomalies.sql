-- Which backups stand out in size from those before them?
-- Each backup made since report_clock.since is compared with the median of the 7 that its Droplet made before it, ended
-- ones included. A backup with fewer than 4 before it is not judged, nor is one of size 0 that is still being made: until
-- the window in which it was begun is over, by the policy in force then or as the API announced it, or for 12 h where no
-- window is known.
-- Grain: one row per backup that stands out, of a selected Droplet that exists
-- Units: UTC, gigabytes as billed
-- Reads: report_clock, known_droplets, backups, backup_versions, backup_policies, droplet_windows
-- Order: created_at DESC, backup_id DESC
-- Time: created_at, from report_clock.since
-- Columns:
--   account: name of the account in the configuration
--   droplet_id: DigitalOcean's id
--   droplet: the Droplet's name, not unique
--   backup_id: DigitalOcean's image id
--   created_at: UTC, as the API first said
--   size_gigabytes: as billed; the last known size if it ended
--   compared_backups: how many backups it is compared with, 4 to 7
--   median_before_gigabytes: the median of their sizes
--   verdict: zero: its size is 0; grown: more than 1.8 times the median; shrunk: less than half the median
--   is_newest: whether no backup of the Droplet is known that was made later
WITH
-- From when the backups of each Droplet count: those that are asked about, and before them what a median can be of.
reach AS MATERIALIZED (
    SELECT
        k.account,
        k.droplet_id,
        k.droplet,
        c.now,
        c.since,
        coalesce(
            (
                SELECT p.created_at
                FROM backups AS p
                WHERE p.droplet_id = k.droplet_id AND p.created_at < c.since AND p.first_seen_at <= c.now
                ORDER BY p.created_at DESC
                LIMIT 1 OFFSET 6
            ),
            (SELECT min(p.created_at) FROM backups AS p WHERE p.droplet_id = k.droplet_id)
        ) AS created_from
    FROM report_clock AS c
    CROSS JOIN known_droplets AS k
    WHERE k.is_current
),

-- None stands out where the largest is not so much larger than the smallest; so it is with most Droplets.
varied AS MATERIALIZED (
    SELECT r.*
    FROM reach AS r
    WHERE (
        SELECT max(s.size_gigabytes) >= 1.8 * min(s.size_gigabytes)
        FROM (
            SELECT size_at(b, r.now) AS size_gigabytes
            FROM backups AS b
            WHERE b.droplet_id = r.droplet_id AND b.created_at >= r.created_from AND b.first_seen_at <= r.now
        ) AS s
    )
),

sized AS MATERIALIZED (
    SELECT
        r.*,
        b.id AS backup_id,
        b.created_at,
        size_at(b, r.now) AS size_gigabytes
    FROM varied AS r
    CROSS JOIN backups AS b
    WHERE b.droplet_id = r.droplet_id AND b.created_at >= r.created_from AND b.first_seen_at <= r.now
),

ranged AS (
    SELECT
        s.*,
        min(s.size_gigabytes) OVER seven_before AS least_before,
        max(s.size_gigabytes) OVER seven_before AS most_before
    FROM sized AS s
    -- Groups, because a median is of backups that were made earlier, and several may have been made in one second.
    WINDOW seven_before AS (
        PARTITION BY s.droplet_id
        ORDER BY s.created_at
        GROUPS BETWEEN 7 PRECEDING AND 1 PRECEDING
    )
),

-- A median lies between the least and the most, so that it is computed for few.
candidate AS MATERIALIZED (
    SELECT r.*
    FROM ranged AS r
    WHERE
        r.created_at >= r.since
        AND (
            r.size_gigabytes = 0
            OR r.size_gigabytes > 1.8 * r.least_before
            OR r.size_gigabytes < 0.5 * r.most_before
        )
),

rhythm AS (
    SELECT
        p.droplet_id,
        p.valid_from,
        -- In seconds of the week, of which every other period is a part.
        3600 * (p.hour + CASE WHEN p.plan = 'weekly' THEN 24 * number_of_weekday(p.weekday) ELSE 0 END) AS opens_at,
        3600 * hours_between_windows(p) AS period_seconds,
        3600 * coalesce(
            p.window_length_hours, CASE WHEN hours_between_windows(p) < 4 THEN hours_between_windows(p) ELSE 4 END
        ) AS length_seconds
    FROM backup_policies AS p
    WHERE p.is_enabled
),

judged AS MATERIALIZED (
    SELECT
        b.*,
        (
            SELECT avg(o.size_gigabytes)
            FROM (
                SELECT
                    e.size_gigabytes,
                    row_number() OVER (ORDER BY e.size_gigabytes) AS place,
                    count(*) OVER () AS places
                FROM (
                    SELECT
                        size_at(p, b.now) AS size_gigabytes
                    FROM backups AS p
                    WHERE p.droplet_id = b.droplet_id AND p.created_at < b.created_at AND p.first_seen_at <= b.now
                    ORDER BY p.created_at DESC
                    LIMIT 7
                ) AS e
            ) AS o
            WHERE o.places >= 4 AND o.place IN ((o.places + 1) / 2, (o.places + 2) / 2)
        ) AS median_before_gigabytes,
        -- From its creation to the end of its window; not above 0 or NULL where it belongs to none.
        CASE
            WHEN b.size_gigabytes = 0 THEN coalesce(
                (
                    SELECT r.length_seconds - (seconds_of_week(b.created_at) - r.opens_at + 604800) % r.period_seconds
                    FROM rhythm AS r
                    WHERE
                        r.droplet_id = b.droplet_id
                        AND r.valid_from = coalesce(
                            (
                                SELECT max(p.valid_from)
                                FROM backup_policies AS p
                                WHERE p.droplet_id = b.droplet_id AND p.valid_from <= b.created_at
                            ),
                            (
                                SELECT min(p.valid_from)
                                FROM backup_policies AS p
                                WHERE p.droplet_id = b.droplet_id AND p.valid_from <= b.now
                            )
                        )
                ),
                (
                    SELECT max(seconds_between(b.created_at, w.ends_at))
                    FROM droplet_windows AS w
                    WHERE
                        w.droplet_id = b.droplet_id
                        AND w.starts_at <= b.created_at
                        AND w.ends_at > b.created_at
                        AND w.valid_from <= b.now
                )
            )
        END AS making_seconds
    FROM candidate AS b
)

SELECT
    j.account,
    j.droplet_id,
    j.droplet,
    j.backup_id,
    j.created_at,
    j.size_gigabytes,
    (
        SELECT count(*)
        FROM (
            SELECT p.id
            FROM backups AS p
            WHERE p.droplet_id = j.droplet_id AND p.created_at < j.created_at AND p.first_seen_at <= j.now
            LIMIT 7
        ) AS e
    ) AS compared_backups,
    rounded(j.median_before_gigabytes) AS median_before_gigabytes,
    CASE
        WHEN j.size_gigabytes = 0 THEN 'zero'
        WHEN j.size_gigabytes > 1.8 * j.median_before_gigabytes THEN 'grown'
        ELSE 'shrunk'
    END AS verdict,
    NOT EXISTS (
        SELECT 1
        FROM backups AS n
        WHERE n.droplet_id = j.droplet_id AND n.created_at > j.created_at AND n.first_seen_at <= j.now
    ) AS is_newest
FROM judged AS j
WHERE
    j.median_before_gigabytes IS NOT NULL
    AND (
        j.size_gigabytes > 1.8 * j.median_before_gigabytes
        OR (j.size_gigabytes > 0 AND j.size_gigabytes < 0.5 * j.median_before_gigabytes)
        OR (
            j.size_gigabytes = 0
            AND seconds_between(j.created_at, j.now)
            >= CASE WHEN j.making_seconds > 0 THEN j.making_seconds ELSE 12 * 3600 END
        )
    )
