"""Station 3: rows and history."""
