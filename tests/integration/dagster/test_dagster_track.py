"""What ``track(defs)`` does to definitions, before anything runs."""

import warnings

import dagster as dg

from dagster_integration import track


def test_definitions_are_tracked_without_a_warning_that_their_author_could_not_act_on(recorded):
    @dg.asset
    def table():
        return [1]

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        tracked = track(dg.Definitions(assets=[table]))

    assert said == []
    (spec,) = tracked.resolve_all_asset_specs()
    assert spec.metadata["flowtrail/url"].value == "/o/dagster/asset/table"
