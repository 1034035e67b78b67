"""Text for people and programs: words, safe text, tables, documents, the console, moments."""
