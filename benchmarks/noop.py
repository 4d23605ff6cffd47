"""The task that benchmarks run: it does nothing but count itself."""

ran = 0


def noop(number: int) -> None:
    global ran
    ran += 1
