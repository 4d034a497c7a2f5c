"""A value costs at most its budget of time: by a clock that the tests turn."""

import numpy as np
import pandas as pd
import pytest

from plugin_core.capture.values.budget import Budget, BudgetSpentError, sample_positions, whole_limit


class Clock:
    """Advances by ``step`` seconds with each look at it."""

    def __init__(self, step: float) -> None:
        self.now, self.step, self.looks = 0.0, step, 0

    def __call__(self) -> float:
        self.looks += 1
        self.now += self.step
        return self.now


@pytest.mark.parametrize(
    "value",
    [
        list(range(100_000)),
        [{"a": i} for i in range(50_000)],
        {f"k{i}": i for i in range(20_000)},
        np.zeros(1_000_000),
        np.array(["x", None] * 50_000, dtype=object),
        pd.DataFrame({f"c{i}": ["x"] * 10 for i in range(1_000)}),
        pd.DataFrame({"o": pd.Series(["x", 1] * 100_000, dtype=object)}),
        "text" * 1_000_000,
        b"bytes" * 1_000_000,
    ],
    ids=lambda value: type(value).__name__,
)
def test_work_ends_soon_after_the_time_is_over(described, value) -> None:
    clock = Clock(0.0005)

    found = described(value, clock=clock, budget_s=0.02)
    assert clock.now < 0.06
    assert len(found.artifacts) == 1
    assert "describe_error" not in found.artifacts[0].properties


def test_without_time_a_value_is_still_described(artifact) -> None:
    found = artifact(pd.DataFrame({"a": np.arange(1_000_000)}), clock=Clock(1.0), budget_s=0.02)

    assert found.properties["rows"] == "1000000"
    assert (found.identity, found.payload) == (None, None)


def test_the_clock_is_not_looked_at_for_scalars(described) -> None:
    clock = Clock(1.0)

    assert described(5, clock=clock).parameters == {"x": 5}
    assert described("adam", clock=clock).parameters == {"x": "adam"}
    assert clock.looks == 0


def test_a_stage_leaves_time_for_the_next() -> None:
    clock = Clock(0.0)
    budget = Budget(clock, 10.0)
    stage = budget.stage(0.5)

    clock.now = 6.0
    with pytest.raises(BudgetSpentError):
        stage.check()
    budget.check()
    assert budget.left_s == 4.0


def test_samples_depend_on_the_length_alone_and_reach_both_ends() -> None:
    assert sample_positions(10) == list(range(10))
    chosen = sample_positions(1_000_003)
    assert (chosen[0], chosen[-1], len(chosen)) == (0, 1_000_002, 1_024)
    assert chosen == sample_positions(1_000_003)


def test_what_is_read_whole_is_one_of_three_sizes() -> None:
    assert whole_limit() in {10_000_000, 2_500_000, 500_000}
    assert whole_limit() == whole_limit()
