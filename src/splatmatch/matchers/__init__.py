"""The registry of matchers, what they share, and the store of features."""
