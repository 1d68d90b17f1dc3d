"""Compiled inner loops of lifting: the mesh renderer and the light."""
