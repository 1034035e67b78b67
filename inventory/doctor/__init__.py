"""What a sync needs, checked and reported."""
