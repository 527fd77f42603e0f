"""Defines phrases of five tracks and pieces of notes, and reads and writes their files."""
