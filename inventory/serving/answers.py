"""What probes are answered, by which others recognise the daemon."""

LIVE = "ok\n"
NOT_LIVE = "nothing moves\n"
