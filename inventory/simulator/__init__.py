"""A simulated DigitalOcean account: a fleet that lives by a clock, and the HTTP API that serves it.

    chance, story -> fleet -> documents -> routes -> paging -> api -> server

What DigitalOcean leaves open, and what was chosen here, is in `variants`; what can be made to go wrong, in `faults`.
"""
