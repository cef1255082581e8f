"""A stack with proxies around its functions: quiet for the count of costs, faulty for the storm. Its own, so that no other test meets the weather."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from support.budget import Budget

from chaos.__main__ import keep_logs
from chaos.storm import Stage

# RELAY_CHAOS_SEED=n repeats a run.
SEED = int(os.environ.get("RELAY_CHAOS_SEED", "20"))


@pytest.fixture(scope="package")
def stage(budget: Budget) -> Iterator[Stage]:
    stage = Stage.open(f"chaos-{os.getpid()}", SEED)
    try:
        with budget.shared("start and end of the storm's stack"):
            stage.start()
        yield stage
    finally:
        with budget.shared("start and end of the storm's stack"):
            keep_logs(stage)
            stage.close()
