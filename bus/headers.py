"""The header names of the bus, in the exact case they travel in (NATS headers are case-sensitive)."""

from __future__ import annotations

CONTENT_TYPE = "Content-Type"
MCP_NAME = "Mcp-Name"

STREAM = "Omega-Stream"
"""`1`: the caller takes frames; without it there is exactly one reply."""
FRAME = "Omega-Frame"
CALL_ID = "Omega-Call-Id"
TIMEOUT_MS = "Omega-Timeout-Ms"
"""What is left of the caller's time, in milliseconds; each hop sends less than it got."""
ATTEMPT = "Omega-Attempt"
IDEMPOTENCY_KEY = "Omega-Idempotency-Key"
CALLER = "Omega-Caller"
INSTANCE = "Omega-Instance"
EXECUTED = "Omega-Executed"
"""`no`: the refusal came before the tool was started, so the call is safe to send again."""
TRACEPARENT = "traceparent"

ERROR = "Nats-Service-Error"
ERROR_CODE = "Nats-Service-Error-Code"
STATUS = "Status"
DESCRIPTION = "Description"
