"""One file per outside format, and the scene folder; the only place where conventions are converted."""
