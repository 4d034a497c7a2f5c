"""A key's rate: a burst, then a steady stream, whatever others do."""

from plugin_core.server.rates import BURST, Rates


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_followed_by_the_steady_rate() -> None:
    clock = Clock()
    rates = Rates(10, monotonic=clock)

    assert [rates.take("a") for _ in range(10 * BURST + 1)] == [True] * 10 * BURST + [False]
    clock.now += 0.5
    assert [rates.take("a") for _ in range(6)] == [True] * 5 + [False]
    assert rates.take("b")


def test_nobody_saves_up_more_than_a_burst() -> None:
    clock = Clock()
    rates = Rates(1, monotonic=clock)
    assert rates.take("a")
    clock.now += 3600

    assert [rates.take("a") for _ in range(BURST + 1)] == [True] * BURST + [False]


def test_without_a_rate_everybody_may() -> None:
    rates = Rates(0, monotonic=Clock())

    assert all(rates.take("a") for _ in range(1000))
