"""Remarks that trained systems print while they work."""

import sys


def say(text: str) -> None:
    """Prints a remark to stderr."""
    print(f"musegen: {text}", file=sys.stderr)
