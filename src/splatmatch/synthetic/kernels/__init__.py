"""Compiled ray casting: geometry in double precision, procedural surfaces, light. No file and no tensor in here."""
