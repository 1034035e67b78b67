"""What the API says, and whether it can be trusted to be all."""
