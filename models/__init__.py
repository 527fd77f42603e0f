"""The systems: one file each, under the name it has in `musegen info`."""
