"""What a client says to a NATS server after the handshake, as bytes. Pure."""

from __future__ import annotations

from bus.errors import InvalidRequest

PING = b"PING\r\n"
PONG = b"PONG\r\n"
_CRLF = b"\r\n"


def publish(subject: str, reply: str, block: bytes, body: bytes) -> bytes:
    """`block` is an encoded header block, or empty. Raises InvalidRequest: `subject` holds white space."""
    _check(subject)
    if block:
        head = f"HPUB {subject} {reply} {len(block)} {len(block) + len(body)}\r\n"
        return b"".join((head.encode(), block, body, _CRLF))
    return b"".join((f"PUB {subject} {reply} {len(body)}\r\n".encode(), body, _CRLF))


def subscribe(subject: str, queue: str, sid: int) -> bytes:
    """`queue` is empty for whoever wants every message. Raises InvalidRequest: `subject` holds white space."""
    _check(subject)
    return f"SUB {subject} {queue} {sid}\r\n".encode()


def unsubscribe(sid: int) -> bytes:
    return f"UNSUB {sid}\r\n".encode()


def _check(subject: str) -> None:
    """A line break would begin another command."""
    if not subject or " " in subject or "\r" in subject or "\n" in subject or "\t" in subject:
        raise InvalidRequest(f"subject {subject[:80]!r} holds white space")
