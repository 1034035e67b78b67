"""What probes are answered, by which others recognise the daemon, and what every answer has."""

LIVE = "ok\n"
NOT_LIVE = "nothing moves\n"

# Of every answer that does not say otherwise: no browser keeps it, guesses at it, frames it, or tells where it was.
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
