"""Jobs that the Dagster benchmark runs, also in processes of their own."""

import dagster as dg

STEPS = 50
APART = 10


@dg.op
def seed() -> int:
    return 1


def step(number: int) -> dg.OpDefinition:
    @dg.op(name=f"step_{number}")
    def add(x: int) -> dict[str, float]:
        return {"value": x + 0.5}

    return add


_steps = [step(number) for number in range(STEPS - 1)]


@dg.job
def fifty() -> None:
    """One op, and 49 that take its output."""
    first = seed()
    for each in _steps:
        each(first)


@dg.op(out=dg.DynamicOut())
def spread(context):
    for number in range(int(context.run.tags["size"])):
        yield dg.DynamicOutput(number, mapping_key=str(number))


@dg.op
def mapped(x: int) -> int:
    return x + 1


@dg.job
def dynamic() -> None:
    spread().map(mapped)


@dg.job(executor_def=dg.multiprocess_executor.configured({"max_concurrent": 2}))
def apart() -> None:
    """Ten ops, each in a process of its own."""
    first = seed()
    for each in _steps[: APART - 1]:
        each(first)
