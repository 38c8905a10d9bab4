"""The pytest plugin: an evaluation written as a test.

    def test_the_shop_names_its_tools(headworks_eval):
        assert headworks_eval("suites/shop.yaml", system="headworks.yaml", at_least=0.9)

pytest loads this in every project that has Headworks installed, so it imports nothing: what evaluates is imported when
the fixture is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from headworks.evals.testing import Evaluate


@pytest.fixture
def headworks_eval() -> Evaluate:
    """Runs a suite against a system in this process; what it returns is true where every gate holds."""
    try:
        made = import_module("headworks.evals.testing").Evaluate()
    except ModuleNotFoundError as error:
        hint = import_module("headworks.core.extras").install("eval")
        pytest.fail(f"evaluations need `{error.name}`, which is not installed here: {hint}")
    return made  # type: ignore[no-any-return]
