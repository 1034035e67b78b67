"""The long-running service: when a round is due, whether the process makes progress, whether the database is there."""
