"""The watch over one conversation: asks a silent server for a sign of life, and closes the link of one that is lost."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time

from members.adapters.link import LinkDown, LinkLost
from members.adapters.liveness import Liveness
from members.adapters.rules import Behind
from members.adapters.session import Session


async def watch(session: Session, life: Liveness, doubt: asyncio.Event) -> None:
    """Ask after every silence, and when `doubt` is set. Returns with the link closed, its reason said."""
    asked = life.behind is not Behind.CHILD
    while True:
        if asked:
            await _silent_or_doubted(life, doubt)
        asked = True
        reason = await _owed_a_sign(session, life)
        if reason:
            session.link.reason = session.link.reason or reason
            session.link.closed.set()
            return


async def _silent_or_doubted(life: Liveness, doubt: asyncio.Event) -> None:
    due = life.rules.asked_after_s(life.behind) * (0.9 + 0.2 * random.random())
    while (silent := time.monotonic() - life.heard_at) < due and not doubt.is_set():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(due - silent):
                await doubt.wait()
    doubt.clear()


async def _owed_a_sign(session: Session, life: Liveness) -> str:
    """Ask, once, and wait for the answer. Empty when it came, else why the server is given up."""
    asking = asyncio.ensure_future(session.ping())
    life.asked(time.monotonic())
    try:
        while not asking.done():
            planned = time.monotonic() + life.look_every_s
            await asyncio.wait({asking}, timeout=life.look_every_s)
            now = time.monotonic()
            life.overslept(max(0.0, now - planned))
            if not asking.done() and (reason := life.given_up(now, stopped=getattr(session.link, "stopped", False))):
                return reason
        asking.result()
    except (LinkDown, LinkLost) as exc:
        return str(exc) or "no sign of life"
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    life.answered(time.monotonic())
    return ""
