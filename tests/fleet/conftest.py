from __future__ import annotations

from tests.each_backend import beanstalk_dsn, dsn, make_gator, redis_dsn

__all__ = ["beanstalk_dsn", "dsn", "make_gator", "redis_dsn"]
