"""Measures music and prints tables."""
