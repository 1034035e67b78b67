"""One sync of one account: which Droplets, their backups, and the transactions that store them."""
