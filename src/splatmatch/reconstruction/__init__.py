"""Photos or given poses to a scene with its splat."""
