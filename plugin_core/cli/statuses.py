"""What the command's exit statuses mean.

0 done · 1 not found, ambiguous, or a check failed · 2 wrong usage or setting · 3 the store cannot be used
· 4 stored bytes are damaged · 70 a fault of flowtrail's own · 130 interrupted.
"""

from typing import Final

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
STORE: Final = 3
DAMAGED: Final = 4
OUR_FAULT: Final = 70
INTERRUPTED: Final = 130
