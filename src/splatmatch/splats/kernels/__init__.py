"""Numba kernels of the fit: photometric loss, Adam, ordered sums. Plain arrays in, plain arrays out."""
