"""Text for people: words, safe text, and the console it goes to."""
