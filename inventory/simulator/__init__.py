"""A simulated DigitalOcean account: a fleet that lives by a clock, and the HTTP API that serves it.

    chance -> fleet -> documents -> routes -> paging -> api -> server

`story` says who is in a seeded fleet and what happens to it. What DigitalOcean leaves open, and what was chosen here,
is in `variants`; what can be made to go wrong, in `faults`.
"""
