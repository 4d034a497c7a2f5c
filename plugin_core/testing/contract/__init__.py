"""What every store promises, as tests: written against fixtures that the store's own tests provide.

``store`` is an empty TrackingStore; ``reopen`` opens the same record once more, as another process would;
``blobs`` is an empty BlobStore, ``objects`` an empty ObjectStore. A store's test module defines those and
imports the tests::

    from plugin_core.testing.contract.components import *
"""

from __future__ import annotations

import pytest

_TOPICS = (
    "experiments", "components", "journals", "statuses", "values", "metrics", "lineage", "search", "blobs",
    "creating", "edits", "keys", "objects", "pages", "searches",
)  # fmt: skip
pytest.register_assert_rewrite(*(f"{__name__}.{topic}" for topic in _TOPICS))
