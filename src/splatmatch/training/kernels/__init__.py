"""Compiled inner loops of training."""
