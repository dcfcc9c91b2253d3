"""The studio: a web page to paint in and to watch."""
