"""``python -m plugin_core.cli``: the same as ``flowtrail``."""

import sys

from plugin_core.cli import main

sys.exit(main())
