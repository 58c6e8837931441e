"""The steady load: so many operations a second of each kind, whatever becomes of them.

Operations are begun on the beat and not when the last one ended: clients do not wait for each other's misfortune. Each
is written down once, with what its client was told.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

from bus import Bus, Federation
from bus.dispatch import Dispatch, DispatchSettings
from tests.chaos.doors import DEADLINES, Answer, BusDoor, Door, Errand, GatewayDoor, PlainDoor
from tests.chaos.journal import Journal, Op, Operation, Outcome
from tests.chaos.lives import GONE_ALREADY
from tests.chaos.member import answer_to
from tests.chaos.population import BEATING, Being, Population
from tests.chaos.stage import MEMBERS, Stage

RATES = {Op.REGISTER: 10.0, Op.LEAVE: 4.0, Op.HEARTBEAT: 26.0, Op.SEARCH: 20.0, Op.CALL: 40.0}
"""Operations a second."""
MOST_AT_ONCE = 400
"""Of each kind; one more is left out, so that a standstill does not fill the memory."""
TRIES = 6
"""How often a registration or a leave is sent again whose outcome is not known."""
PAUSE_S = 0.5


@dataclass(slots=True)
class Load:
    """Everything that is asked of the federation."""

    doors: Sequence[Door]
    journal: Journal
    draw: random.Random
    left_out: int = 0
    _population: Population = field(init=False)
    _calls: int = 0
    _beats: int = 0

    def __post_init__(self) -> None:
        self._population = Population(self.draw)

    async def populate(self) -> None:
        """The ids that are kept alive, registered."""
        await asyncio.gather(*(self._registered(self._population.newcomer()) for _ in range(BEATING)))

    async def work(self, enough: asyncio.Event) -> None:
        """Everything but heartbeats, until it is `enough`; what was begun is ended."""
        works = {Op.REGISTER: self._register, Op.LEAVE: self._leave, Op.SEARCH: self._search, Op.CALL: self._call}
        async with asyncio.TaskGroup() as group:
            for op, work in works.items():
                group.create_task(self._steadily(op, work, enough))

    async def beat(self) -> None:
        """Heartbeats, for ever."""
        await self._steadily(Op.HEARTBEAT, self._heartbeat, asyncio.Event())

    async def _steadily(self, op: Op, work: Callable[[], Awaitable[None]], enough: asyncio.Event) -> None:
        """Raises what broke a piece of work: an operation without an outcome would be missing from the evidence."""
        running: set[asyncio.Future[None]] = set()
        next_at = time.monotonic()
        try:
            while not enough.is_set():
                next_at = max(next_at + 1 / RATES[op], time.monotonic() - 0.5)
                await asyncio.sleep(max(0.0, next_at - time.monotonic()))
                running = _under_way(running)
                if len(running) < MOST_AT_ONCE:
                    running.add(asyncio.ensure_future(work()))
                else:
                    self.left_out += 1
            await asyncio.gather(*running)
        finally:
            for task in running:
                task.cancel()

    # registrations ------------------------------------------------------------------------------------------------

    async def _register(self) -> None:
        chance = self.draw.random()
        being = None
        if chance < 0.4:
            being = self._population.to_update()
        elif chance < 0.55:
            being = self._population.to_return()
        elif chance < 0.6:
            await self._register_too_late()
            return
        await self._registered(being or self._population.newcomer())

    async def _registered(self, being: Being) -> None:
        """Register its next epoch, again until that is certain."""
        being.epoch += 1
        for _ in range(TRIES):
            answer = await self._note_register(being, being.epoch)
            if answer.outcome is Outcome.OK:
                being.present, being.taken = True, False
                return
            await asyncio.sleep(PAUSE_S)

    async def _register_too_late(self) -> None:
        """A registration of a life that has left, as if it had been long under way: it must be refused."""
        being = self._population.to_return()
        if being is not None:
            await self._note_register(being, being.epoch)
            being.taken = False

    async def _note_register(self, being: Being, epoch: int) -> Answer:
        began, door = time.monotonic(), self._door()
        answer = await door.register(being.manifest())
        self._note(Op.REGISTER, door, being.id, began, answer, epoch=epoch, version=being.version, group=being.group)
        return answer

    async def _leave(self) -> None:
        being = self._population.to_leave()
        if being is None:
            return
        for _ in range(TRIES):
            began, door = time.monotonic(), self._door()
            answer = await door.leave(being.id, being.epoch)
            epoch = None if isinstance(door, GatewayDoor) else being.epoch
            self._note(Op.LEAVE, door, being.id, began, answer, epoch=epoch, group=being.group)
            if answer.outcome is Outcome.OK or answer.code == GONE_ALREADY:
                being.present = being.taken = False
                return
            if answer.outcome is Outcome.UNKNOWN and epoch is None:
                being.may_return = False
            await asyncio.sleep(PAUSE_S)

    # the rest -----------------------------------------------------------------------------------------------------

    async def _heartbeat(self) -> None:
        beating = self._population.beating()
        if not beating:
            return
        being = beating[self._beats % len(beating)]
        self._beats += 1
        began, door = time.monotonic(), self._door()
        self._note(Op.HEARTBEAT, door, being.id, began, await door.heartbeat(being.id))

    async def _search(self) -> None:
        began, door = time.monotonic(), self._door()
        if self.draw.random() < 0.6:
            group = self._population.group()
            self._note(Op.SEARCH, door, "", began, await door.search(group), group=group)
        else:
            being = self._population.to_look_for()
            self._note(Op.SEARCH, door, being.id, began, await door.server(being.id))

    async def _call(self) -> None:
        self._calls += 1
        number = self._calls
        id, safe = f"call-{number}", self.draw.random() < 0.4
        long = self.draw.random() < 0.1
        seconds = round(self.draw.uniform(0.5, 1.5), 2) if long else round(self.draw.uniform(0, 0.03), 3)
        arguments = {"id": id, "number": number, "seconds": seconds}
        member = f"chaos_{self.draw.choice(MEMBERS)}"
        began, door = time.monotonic(), self._door()
        answer = await door.call(Errand(member, "look" if safe else "spend", arguments, safe))
        right = answer.outcome is not Outcome.OK or answer.value == answer_to(id, number)
        self._note(Op.CALL, door, id, began, answer, safe=safe, right=right)

    def _door(self) -> Door:
        return self.draw.choice(self.doors)

    def _note(self, op: Op, door: Door, id: str, began: float, answer: Answer, **more: object) -> None:
        found = _found(answer) if op is Op.SEARCH and answer.outcome is Outcome.OK else ()
        self.journal.add(
            Operation.model_validate(
                {
                    "op": op,
                    "door": door.name,
                    "id": id,
                    "began": began,
                    "ended": time.monotonic(),
                    "deadline": DEADLINES[op],
                    "outcome": answer.outcome,
                    "code": answer.code,
                    "found": found,
                    **more,
                }
            )
        )


def _under_way(tasks: set[asyncio.Future[None]]) -> set[asyncio.Future[None]]:
    """Those that have not ended. Raises what another ended with."""
    for task in tasks:
        if task.done():
            task.result()
    return {task for task in tasks if not task.done()}


def _found(answer: Answer) -> tuple[tuple[str, str, str], ...]:
    servers = answer.value["servers"]
    return tuple((one["id"], one.get("version", ""), one.get("description", "")) for one in servers)


class Loaded:
    """A load that runs."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self._enough = asyncio.Event()
        self._working = asyncio.create_task(load.work(self._enough))
        self._beating = asyncio.create_task(load.beat())

    async def finish(self) -> None:
        """Begin nothing more but heartbeats. Returns when what was begun has ended. Raises what broke the load."""
        self._enough.set()
        async with asyncio.timeout(120):
            await self._working

    async def end(self) -> None:
        """The heartbeats too, and whatever else still runs."""
        self._working.cancel()
        self._beating.cancel()
        await asyncio.gather(self._working, self._beating, return_exceptions=True)

    def look(self) -> None:
        """Raises what broke the load: a run without one proves nothing."""
        for task in (self._working, self._beating):
            if task.done():
                task.result()


@asynccontextmanager
async def loaded(stage: Stage, journal: Journal, seed: int) -> AsyncIterator[Loaded]:
    """The load, for the length of the block."""
    async with AsyncExitStack() as stack:
        connector = aiohttp.TCPConnector(force_close=True, limit=0)
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        doors: list[Door] = [GatewayDoor(one.process.name, one.url, session) for one in stage.gateways]
        spreading = await _bus(stage, stack, "chaos-client")
        dispatch = Dispatch(spreading, DispatchSettings(listen=True))
        doors.append(BusDoor("bus", Federation(spreading, dispatch)))
        doors.append(PlainDoor("plain", await _bus(stage, stack, "chaos-plain")))
        load = Load(doors, journal, random.Random(f"{seed}/load"))
        await load.populate()
        running = Loaded(load)
        stack.push_async_callback(running.end)
        yield running


async def _bus(stage: Stage, stack: AsyncExitStack, name: str) -> Bus:
    settings = stage.settings(0).model_copy(update={"nats_url": stage.network.url, "ping_interval_s": 2.0})
    bus = await Bus.connect(settings, name=name)
    stack.push_async_callback(bus.close)
    return bus
