-- Which tags does each Droplet have?
-- Join it by droplet_id to group any other view by tag; a Droplet with two tags then counts in both groups.
-- Grain: one row per selected Droplet that exists and tag
-- Units: none
-- Reads: report_clock, known_droplets, droplet_tags
-- Order: account, droplet, droplet_id, tag
-- Columns:
--   account: name of the account in the configuration
--   droplet_id: DigitalOcean's id
--   droplet: its name, not unique
--   tag: as the API writes it
SELECT
    k.account,
    k.droplet_id,
    k.droplet,
    t.tag
FROM report_clock AS c
CROSS JOIN known_droplets AS k
INNER JOIN droplet_tags AS t ON t.droplet_id = k.droplet_id
WHERE
    k.is_current
    AND t.valid_from <= c.now
    AND (t.valid_to IS NULL OR t.valid_to > c.now)
