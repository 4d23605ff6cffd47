"""The demo: an index of the standard library, one task per file."""
