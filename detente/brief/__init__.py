"""A page on the day or the week, for whoever wasn't there: HTML, Markdown, PDF."""
