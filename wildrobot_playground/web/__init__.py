"""Servers of pages in the browser: addresses, who may ask, HTTP, the view."""
