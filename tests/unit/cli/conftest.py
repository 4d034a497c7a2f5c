"""Makes the sample views importable by the tests beside them."""

import importlib.util
import sys
from pathlib import Path

_spec = importlib.util.spec_from_file_location("sample_views", Path(__file__).with_name("sample_views.py"))
assert _spec is not None
assert _spec.loader is not None
sys.modules.setdefault("sample_views", importlib.util.module_from_spec(_spec))
_spec.loader.exec_module(sys.modules["sample_views"])
