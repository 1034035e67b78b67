"""What a browser shows: a page for each question, with links, a calendar and charts; no script."""
