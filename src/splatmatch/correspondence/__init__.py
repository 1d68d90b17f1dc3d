"""Algorithms on descriptors and matches: choice of pairs, tracks, verification. Nothing here reads a photo."""
