"""The work of the child process: features, pairs, mapping, triangulation, resampling. Nothing imports torch."""
