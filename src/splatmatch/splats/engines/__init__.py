"""Rasterisers behind one protocol: reference, cpu, gsplat."""
