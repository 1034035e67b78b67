"""What a person or a machine reads."""
