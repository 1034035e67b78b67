"""One request with one deadline, and the access that it needs: a token, and the origin it goes to."""
