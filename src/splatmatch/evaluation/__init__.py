"""Named, frozen protocols and the tables they fill."""
