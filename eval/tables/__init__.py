"""The tables of an evaluation: measurement, printed tables of the papers, and output."""
