"""Compiled inner loops of the pair engines."""
