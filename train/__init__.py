"""Training scripts, one a system."""
