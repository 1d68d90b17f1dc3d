"""Data that crosses rooms: frozen dataclasses and protocols, no behaviour beyond what belongs to the data."""
