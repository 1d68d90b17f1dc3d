"""One adapter per outside library; unknown options are errors."""
