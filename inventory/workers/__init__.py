"""Workers: any number of processes, on any number of machines, that share the accounts of one PostgreSQL database."""
