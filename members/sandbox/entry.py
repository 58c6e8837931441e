"""The first code in a worker: opens the engine without the front of `members`.

`members/__init__.py` loads the MCP SDK and the bus: seconds and tens of megabytes that no engine needs. So an empty
module of that name takes its place; packages below it are found as always. Run as `python -P entry.py ENGINE`.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from types import ModuleType

MEMBERS = Path(__file__).parent.parent

if __name__ == "__main__":
    front = ModuleType("members")
    front.__path__ = [str(MEMBERS)]
    sys.modules["members"] = front
    runpy.run_module("members.sandbox.worker", run_name="__main__", alter_sys=True)
