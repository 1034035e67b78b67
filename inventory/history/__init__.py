"""What an attempt to look at a Droplet means for what is stored. Pure."""
