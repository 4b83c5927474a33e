"""Generic steps, one file each."""
