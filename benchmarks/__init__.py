"""How fast a sync is, and how few requests it makes: `make bench`."""
