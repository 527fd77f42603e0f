"""The commands that work with any system; they find systems through the registry."""
