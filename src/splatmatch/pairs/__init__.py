"""Pairs of images with exact correspondences: how they are made, labelled, stored and read."""
