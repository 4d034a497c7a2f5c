"""A Pipes process that knows only `load_run()`: logs a metric named by its first argument, opens Pipes if asked to."""

import sys

from plugin_core import load_run

name, ways = sys.argv[1], sys.argv[2].split(",")

if "opened" in ways:
    from dagster_pipes import PipesCliArgsParamsLoader, open_dagster_pipes

    with open_dagster_pipes(params_loader=PipesCliArgsParamsLoader() if "arguments" in ways else None) as context:
        assert context.extras["mine"] == 1
        load_run().log_metric(name, 1.0)
else:
    load_run().log_metric(name, 1.0)
    assert "dagster_pipes" not in sys.modules
