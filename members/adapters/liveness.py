"""What a server's silence means. Pure: the time is an argument, in seconds of any one clock.

Silence alone is no proof. Many servers are single-threaded and answer nothing, not even a ping, while a tool runs; so
a server is excused by the calls it may be at work on: those that were open when it last said anything, or the first
one sent after that. Calls that came later only wait behind them and excuse nothing, or a server that hangs under a
steady stream of calls would be excused for ever. A call ends at its deadline at the latest, and with the last excuse
the patience begins. A process that a signal keeps from running is at work on nothing, whatever is open.

And there are servers that ignore a ping altogether. So it is asked for as soon as the conversation begins, and only a
child that has answered once may owe an answer later.
"""

from __future__ import annotations

from members.adapters.rules import Behind, Rules


class Liveness:
    """One conversation's signs of life, and the calls that are open in it."""

    def __init__(self, rules: Rules, behind: Behind, now: float) -> None:
        self.rules = rules
        self.behind = behind
        self.heard_at = now
        """When the server last said anything."""
        self._open: dict[int, None] = {}
        self._newest = 0
        self._excusing = 1
        self._released_at = now
        self._asked_at: float | None = None
        self._answers_when_asked = behind is not Behind.CHILD

    def began(self) -> int:
        """A call was sent; returns the number it ends under."""
        self._newest += 1
        self._open[self._newest] = None
        return self._newest

    def ended(self, number: int, now: float) -> None:
        """A call is waited for no longer, whether it was answered or withdrawn."""
        del self._open[number]
        if number <= self._excusing:
            self._released_at = now

    def heard(self, now: float) -> None:
        """The server said something."""
        self.heard_at = now
        self._excusing = self._newest if self._open else self._newest + 1

    def asked(self, now: float) -> None:
        """It was asked for a sign of life."""
        self._asked_at = now

    def answered(self, now: float) -> None:
        """It gave the sign of life that it was asked for."""
        self._answers_when_asked = True
        self.heard(now)

    def overslept(self, seconds: float) -> None:
        """This process stood still for so long: the silence was its own."""
        if self._asked_at is not None:
            self._asked_at += seconds

    @property
    def excused(self) -> bool:
        """Whether a call is open that the server may be at work on."""
        return bool(self._open) and next(iter(self._open)) <= self._excusing

    def given_up(self, now: float, *, stopped: bool) -> str:
        """Why the server is to be given up; empty while it is not. `stopped`: a signal keeps it from running."""
        if self._asked_at is None:
            return ""
        since = max(self._asked_at, self.heard_at)
        if stopped and now - since >= self.rules.stopped_s:
            return f"a signal stopped it, and it answered nothing for {now - since:.0f} s"
        if not self._answers_when_asked:
            return ""
        if self.excused and (self.behind is Behind.CHILD or now - since < self.rules.excuse_s):
            return ""
        if now - max(since, self._released_at) >= self._patience_s:
            return f"it answered nothing for {now - since:.0f} s"
        return ""

    @property
    def _patience_s(self) -> float:
        return self.rules.child_patience_s if self.behind is Behind.CHILD else self.rules.check_patience_s

    @property
    def look_every_s(self) -> float:
        """How often to look while a sign of life is owed."""
        return min(self._patience_s, self.rules.stopped_s) / 4
