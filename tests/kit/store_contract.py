"""The whole contract of a TrackingStore: its tests, for a module with the fixtures ``store`` and ``reopen``."""

from plugin_core.testing.contract.components import *
from plugin_core.testing.contract.creating import *
from plugin_core.testing.contract.edits import *
from plugin_core.testing.contract.experiments import *
from plugin_core.testing.contract.journals import *
from plugin_core.testing.contract.lineage import *
from plugin_core.testing.contract.metrics import *
from plugin_core.testing.contract.pages import *
from plugin_core.testing.contract.search import *
from plugin_core.testing.contract.searches import *
from plugin_core.testing.contract.statuses import *
from plugin_core.testing.contract.values import *
