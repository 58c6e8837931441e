"""`python -m benchmarks [--quick]`."""

from __future__ import annotations

import asyncio
import sys

from benchmarks.run import main

asyncio.run(main(1.0 if "--quick" in sys.argv else 3.0))
