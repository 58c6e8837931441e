"""Server-sent events, read from chunks of bytes as they come. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class EventReader:
    """Feed it chunks; it gives the data of each whole event. Raises ValueError above `limit` bytes of one event."""

    limit: int
    _rest: bytes = b""
    _data: list[bytes] = field(default_factory=list)
    _size: int = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """The events that `chunk` completes. Comments, ids and empty events are dropped."""
        *lines, self._rest = (self._rest + chunk).replace(b"\r\n", b"\n").split(b"\n")
        self._check(len(self._rest))
        return [event for line in lines if (event := self._line(line))]

    def _line(self, line: bytes) -> bytes:
        if not line:
            event, self._data, self._size = b"\n".join(self._data), [], 0
            return event
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
            self._size += len(value)
            self._check(0)
        return b""

    def _check(self, more: int) -> None:
        if self._size + more > self.limit:
            raise ValueError(f"an event of more than {self.limit} bytes")
