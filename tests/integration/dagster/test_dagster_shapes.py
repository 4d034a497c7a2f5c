"""Every shape that a job can have, step by step and edge by edge."""

import dagster as dg

from plugin_core import load_run
from plugin_core.model.components import Status

DONE = (Status.COMPLETED, None)
FAILED = (Status.FAILED, None)
NOT_STARTED = (Status.CANCELLED, "NotStarted")


def execute(job, **options):
    return job.execute_in_process(raise_on_error=False, **options)


@dg.op
def one():
    return 1


@dg.op
def plus_one(number):
    return number + 1


@dg.op(out=dg.DynamicOut(int))
def parts():
    for number in range(3):
        yield dg.DynamicOutput(number, mapping_key=f"k{number}")


@dg.op
def total(numbers):
    return sum(numbers)


def test_mapped_steps_and_what_collects_them_are_linked_one_by_one(autologged):
    @dg.job
    def mapping():
        total(parts().map(plus_one).collect())

    result = execute(mapping)

    assert result.output_for_node("total") == 6
    mapped = {f"plus_one[k{number}]" for number in range(3)}
    assert autologged.states("mapping") == dict.fromkeys(["parts", *mapped, "total"], DONE)
    assert all(autologged.sources(autologged.step(name)) == {"parts"} for name in mapped)
    assert autologged.direct_sources(autologged.step("total")) == mapped
    assert autologged.step("plus_one[k1]").properties["dagster_mapping_key"] == "k1"


def test_steps_to_be_mapped_are_not_started_where_nothing_was_made_to_map(autologged):
    @dg.op(out=dg.DynamicOut(int))
    def no_parts():
        raise ValueError("no parts")
        yield

    @dg.job
    def mapping():
        total(no_parts().map(plus_one).collect())

    assert not execute(mapping).success
    assert autologged.states("mapping") == {"no_parts": FAILED, "plus_one[?]": NOT_STARTED, "total": NOT_STARTED}


def test_steps_in_nested_graphs_have_their_path_as_name(autologged):
    @dg.graph
    def inner(number):
        return plus_one(number)

    @dg.graph
    def outer():
        return inner(one())

    @dg.job
    def nesting():
        plus_one.alias("last")(outer())

    assert execute(nesting).success
    assert autologged.states("nesting") == dict.fromkeys(["outer.one", "outer.inner.plus_one", "last"], DONE)
    assert autologged.direct_sources(autologged.step("last")) == {"outer.inner.plus_one"}


def test_each_of_several_outputs_is_an_artifact(autologged):
    @dg.op(out={"low": dg.Out(), "high": dg.Out(is_required=False)})
    def split():
        yield dg.Output([1, 2], "low")
        yield dg.Output([3, 4], "high")

    @dg.job
    def splitting():
        low, high = split()
        total.alias("lower")(low)
        total.alias("higher")(high)

    execute(splitting)
    assert set(autologged.step("split").output_artifacts) == {"low", "high"}
    lower, higher = autologged.step("lower"), autologged.step("higher")
    assert autologged.artifacts_into(lower) != autologged.artifacts_into(higher)
    assert autologged.direct_sources(lower) == autologged.direct_sources(higher) == {"split"}


def test_asynchronous_and_generating_steps_are_recorded_like_others(autologged):
    @dg.op
    async def fetched():
        load_run().log_metric("seen", 1)
        return 1

    @dg.op
    async def streamed():
        yield dg.AssetObservation("lake")
        load_run().log_metric("seen", 2)
        yield dg.Output(2)

    @dg.op
    def generated():
        load_run().log_metric("seen", 3)
        yield dg.Output(3)

    @dg.job
    def mixed():
        total.alias("all")([fetched(), streamed(), generated()])

    result = execute(mixed)

    assert result.output_for_node("all") == 6
    assert [autologged.step(name).metrics["seen"].last for name in ("fetched", "streamed", "generated")] == [1, 2, 3]
    assert autologged.direct_sources(autologged.step("all")) == {"fetched", "streamed", "generated"}


def test_a_step_that_only_waits_for_another_is_no_consumer_of_data(autologged):
    @dg.op(out=dg.Out(dg.Nothing))
    def prepare():
        pass

    @dg.op(ins={"start": dg.In(dg.Nothing)})
    def work():
        return 1

    @dg.job
    def ordered():
        work(prepare())

    assert execute(ordered).success
    assert autologged.states("ordered") == {"prepare": DONE, "work": DONE}


def test_values_given_from_outside_are_recorded_as_inputs(autologged):
    @dg.op
    def scaled(number: int, factor: int):
        return number * factor

    @dg.job(input_values={"factor": 3})
    def scaling(factor):
        scaled(factor=factor)

    result = execute(scaling, run_config={"ops": {"scaled": {"inputs": {"number": 2}}}})

    assert result.output_for_node("scaled") == 6
    parameters = autologged.step("scaled").parameters
    assert (parameters["number"], parameters["factor"]) == (2, 3)


def test_dynamic_outputs_that_are_collected_at_once_are_linked(autologged):
    @dg.job
    def collecting():
        total(parts().collect())

    execute(collecting)
    assert autologged.direct_sources(autologged.step("total")) == {"parts"}


def test_a_job_without_any_part_to_map_ends_well(autologged):
    @dg.op(out=dg.DynamicOut(int))
    def nothing_to_do():
        yield from ()

    @dg.job
    def idle():
        total(nothing_to_do().map(plus_one).collect())

    assert execute(idle).success
    assert autologged.states("idle") == {"nothing_to_do": DONE, "total": DONE}


def test_mapped_steps_after_a_failure_are_told_from_the_others(autologged):
    @dg.op
    def picky(number):
        if number == 1:
            raise ValueError("one is too few")
        return number

    @dg.job
    def mapping():
        total(parts().map(lambda part: plus_one(picky(part))).collect())

    assert not execute(mapping).success
    assert autologged.states("mapping") == {
        "parts": DONE,
        "picky[k0]": DONE,
        "picky[k1]": FAILED,
        "picky[k2]": DONE,
        "plus_one[k0]": DONE,
        "plus_one[k1]": NOT_STARTED,
        "plus_one[k2]": DONE,
        "total": NOT_STARTED,
    }
