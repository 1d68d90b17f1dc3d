"""Depth of single photos from networks and from files, and its alignment with sparse points."""
