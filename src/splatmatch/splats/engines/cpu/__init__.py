"""The CPU rasteriser: Numba kernels in the order projection, binning, blending, and back."""
