"""What every long-running program needs: a clock, a log, signals, a way to stop."""
