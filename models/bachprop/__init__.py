"""BachProp: its settings and networks, the loop that writes notes, and the system."""
