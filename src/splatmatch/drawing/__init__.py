"""Pictures of depth, normals, cameras and comparisons, as arrays."""
