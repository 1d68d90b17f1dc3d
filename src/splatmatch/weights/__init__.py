"""Pretrained weights: what exists, where it comes from, under which licence; loading with hash checks."""
