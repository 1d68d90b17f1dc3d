"""Cameras, poses and the mathematics between them: pure tensor functions, no input or output."""
