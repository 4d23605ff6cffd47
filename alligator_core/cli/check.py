"""The command that tries the guarantees of a backend."""
