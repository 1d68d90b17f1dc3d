"""Rendering and fitting Gaussian splats: engines, losses, densification, ``fit()``."""
