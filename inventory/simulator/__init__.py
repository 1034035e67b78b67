"""A simulated DigitalOcean account: a fleet that lives by a clock, and the HTTP API that serves it."""
