"""A member that is called under faults: it writes each execution into a file before it does anything else.

The line is written by one `write` to a descriptor that appends: it is there when the process is killed the next moment.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

from mcp_types import ToolAnnotations

from members import Member

EXECUTIONS = "CHAOS_EXECUTIONS"
"""Names the file, in the environment."""
HEARTBEAT_S = 1.0
FACTOR = 7919


def answer_to(id: str, number: int) -> dict[str, Any]:
    """What a tool must answer to these arguments."""
    return {"id": id, "product": number * FACTOR}


def first() -> Member:
    return _member("chaos_first")


def second() -> Member:
    return _member("chaos_second")


def _member(name: str) -> Member:
    member = Member(name, description="Called under faults", tags=["chaos-member"], heartbeat_interval_s=HEARTBEAT_S)
    instance = os.environ.get("OMEGA_MEMBER_INSTANCE", "default")
    file = os.open(os.environ[EXECUTIONS], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    @member.tool
    async def spend(id: str, number: int, seconds: float = 0.0) -> dict[str, Any]:
        """Do what must not be done twice."""
        os.write(file, f"{id} {name} {instance}\n".encode())
        await asyncio.sleep(seconds)
        return answer_to(id, number)

    @member.tool(annotations=ToolAnnotations(readOnlyHint=True, idempotentHint=True))
    async def look(id: str, number: int, seconds: float = 0.0) -> dict[str, Any]:
        """Do what may be done twice."""
        os.write(file, f"{id} {name} {instance}\n".encode())
        await asyncio.sleep(seconds)
        return answer_to(id, number)

    return member
