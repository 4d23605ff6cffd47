"""What is where in the shared file: a byte for each task's number, then a time for each of the last SLOTS numbers."""

CAPACITY = 8_000_000
SLOTS = 20_000
STAMPED = CAPACITY - SLOTS
SIZE = CAPACITY + 8 * SLOTS
