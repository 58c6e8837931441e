"""What runs inside one process: `directory`, `gateway` or `member`, and the `life` they have in common."""

from __future__ import annotations
