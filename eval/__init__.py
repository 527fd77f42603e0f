"""Evaluation: objective metrics beside the papers' own tables."""
