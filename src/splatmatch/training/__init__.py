"""Training matchers: examples from pairs, mixes of sources, the loop, its checkpoints, validation, presets."""
