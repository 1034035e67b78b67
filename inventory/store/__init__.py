"""Tables, engines, upgrades, rows and runs."""
