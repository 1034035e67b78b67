"""What answers over HTTP: health and metrics, from memory."""
