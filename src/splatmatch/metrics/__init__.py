"""Figures of merit as pure functions: images, depth maps, poses."""
