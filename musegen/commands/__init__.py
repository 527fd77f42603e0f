"""The commands that work with systems of any name, which they find through the registry."""
