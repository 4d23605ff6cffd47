from __future__ import annotations

from tests.each_backend import canary, dsn, make_gator, server_dsn

__all__ = ["canary", "dsn", "make_gator", "server_dsn"]
