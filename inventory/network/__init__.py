"""One request with one deadline."""
