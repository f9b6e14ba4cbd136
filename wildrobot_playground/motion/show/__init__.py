"""Clips to look at: tables, curves, pictures, films, a page."""
