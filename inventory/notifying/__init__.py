"""What people are told of what is wrong: only what is new, worse or solved. Pure."""
