"""One small module a system, run inside that system's own environment.

Each has NAME, GUARANTEE, CONFIGURATION and PACKAGES for the report, RATES (about how many a second, for the size of
the first run), `enqueue(number)`, `enqueue_bulk(numbers)` if it has such a thing, and `work()`, which becomes a worker
and never returns. Where `enqueue` is a coroutine function there is a coroutine function `open()` too, awaited before.
"""
