"""Networks as torch modules: tensors in, tensors out, no files. Each has a frozen ``Config`` beside it."""
