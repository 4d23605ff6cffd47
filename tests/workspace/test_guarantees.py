"""The README's table of guarantees: made by `make guarantees`, and made anew when the contract has changed."""

from __future__ import annotations

import re

from alligator_core.testing import BackendContract
from tests.workspace.repository import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
TABLE = README.partition("<!-- guarantees -->")[2].partition("<!-- /guarantees -->")[0]


def test_the_readme_has_a_line_for_every_guarantee_of_the_contract() -> None:
    wanted = [vars(part)["guarantee"] for part in BackendContract.__mro__ if "guarantee" in vars(part)]
    lines = re.findall(r"^\| (.+?) \|", TABLE, flags=re.MULTILINE)
    assert lines[2:] == wanted, "run `make guarantees`"


def test_the_readme_claims_no_guarantee_that_is_broken() -> None:
    assert "✗" not in TABLE
