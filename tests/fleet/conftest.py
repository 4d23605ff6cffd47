from __future__ import annotations

from tests.each_backend import dsn, make_gator, server_dsn

__all__ = ["dsn", "make_gator", "server_dsn"]
