"""Station 1: what the API says."""
