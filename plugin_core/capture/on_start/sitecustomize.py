"""Python runs this at the start of each process below ``flowtrail run``: its folder is first on PYTHONPATH.

It arms recording, imports no orchestrator, and then runs the ``sitecustomize`` that it hides, if any.
"""  # noqa: INP001 - a folder on a path, not a package

import os
import sys


def _arm() -> None:
    if not os.environ.get("FLOWTRAIL_AUTOLOG"):
        return
    try:
        from plugin_core.capture.startup import arm
    except ImportError:
        return  # another Python, where flowtrail is not installed
    arm(os.environ)


def _run_hidden() -> None:
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - each process pays for an import
    others = [entry for entry in sys.path if os.path.abspath(entry) != here]  # noqa: PTH100
    spec = PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        module = module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


_arm()
_run_hidden()
