"""`herd` on a machine whose clock jumps by years, forth and back, each time it is looked at.

python -m tests.faults.jumping_herd install NAME
"""

from __future__ import annotations

import itertools
import sys
import time

from herd.cli import main

if __name__ == "__main__":
    jumps = itertools.cycle((0.0, 4e9, 1.7e9, 1e9))
    time.time = lambda: next(jumps)
    sys.exit(main())
