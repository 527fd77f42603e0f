"""Phrases of five tracks, pieces of notes, and the files that both are read from."""
