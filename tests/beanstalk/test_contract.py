"""The shipped suite and the stateful model over beanstalkd."""

from __future__ import annotations

import pytest

from alligator_core.testing import BackendContract, run_model
from tests.beanstalk.servers import Server


class TestBeanstalkd(BackendContract):
    # Delays and times to run are whole seconds there, and a time to run of one second has no safety margin.
    lease = 2.0
    delay = 1.0

    @pytest.fixture
    def dsn(self, beanstalkd: Server) -> str:
        return beanstalkd.dsn


class TestBeanstalkdWithALog(BackendContract):
    lease = 2.0
    delay = 1.0

    @pytest.fixture
    def dsn(self, logged_beanstalkd: Server) -> str:
        return logged_beanstalkd.dsn


def test_beanstalkd_agrees_with_the_model(beanstalkd: Server) -> None:
    run_model(beanstalkd.dsn)
