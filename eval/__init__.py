"""Evaluation of systems: metrics beside the tables of the papers, and the figures of the papers."""
