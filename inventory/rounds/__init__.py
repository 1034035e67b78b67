"""Accounts synced in a round, and the ping that reports it: what `sync` and the daemon share."""
