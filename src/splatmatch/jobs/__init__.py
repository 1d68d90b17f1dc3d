"""Long work: compiled kernels, threads, child processes, progress."""
