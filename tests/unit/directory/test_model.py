"""Any interleaving of everything that happens to a directory, against a few lines that say what should come of it.

Three replicas over one bucket. Requests give way wherever they wait for the network; repeated writes arrive late,
twice, out of order or never; replicas start anew, marks run out, the bucket is lost. Each commit must be one that the
model allows, each answer must have been true at some moment between question and answer, and in the end every replica
holds exactly what the bucket holds.

`OMEGA_MODEL_EXAMPLES=5000 pytest tests/unit/directory/test_model.py` looks longer, with new examples each time.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from bus.errors import Unavailable
from bus.messages import Heartbeat
from bus.subjects import Instance
from directory.life import Verdict
from tests.support.bucket import Fault, run
from tests.unit.directory.model import INSTANCES, REPLICAS, Federation, Leave, Register, Replica, Task

EXAMPLES = int(os.environ.get("OMEGA_MODEL_EXAMPLES", "0"))
WALKS = max(400, EXAMPLES)
INSTANCE = st.sampled_from([INSTANCES[0], INSTANCES[0], INSTANCES[0], INSTANCES[1]])
EPOCHS = st.sampled_from([None, 1, 2, 2, 3, 3, 4])
WORDS = st.sampled_from(["plain", "fancy"])


class DirectoryMachine(RuleBasedStateMachine):
    """The rules: what may happen, at any time."""

    replicas = st.integers(0, REPLICAS - 1)
    whole = st.booleans()

    @initialize(word=WORDS)
    def begin(self, word: str) -> None:
        self.all = Federation()
        for who in INSTANCES:
            self.all.finish(self.all.register(self.all.replicas[0], Register(who, 2, word)))
        self.all.deliver_all()

    def _go(self, task: Task | None, whole: bool) -> None:
        if task is not None and whole:
            self.all.finish(task)

    @rule(at=replicas, who=INSTANCE, epoch=EPOCHS, word=WORDS, whole=whole)
    def somebody_registers(self, at: int, who: Instance, epoch: int | None, word: str, whole: bool) -> None:
        self._go(self.all.register(self.all.replicas[at], Register(who, epoch, word)), whole)

    @rule(at=replicas, who=INSTANCE, epoch=EPOCHS, whole=whole)
    def somebody_leaves(self, at: int, who: Instance, epoch: int | None, whole: bool) -> None:
        self._go(self.all.leave(self.all.replicas[at], Leave(who, epoch)), whole)

    @rule(at=replicas)
    def all_of_a_member_leave(self, at: int) -> None:
        replica = self.all.replicas[at]
        try:
            named = run(replica.store.instances("alpha"))
        except Unavailable:
            return
        live = {who for who in INSTANCES if (life := self.all.states[who.key][-1]) and life.live}
        assert live <= set(named)
        for who in named:
            self.all.finish(self.all.leave(replica, Leave(who, None)))

    @rule(hearing=st.sets(replicas), who=INSTANCE, epoch=EPOCHS, whole=whole)
    def a_heartbeat_comes(self, hearing: set[int], who: Instance, epoch: int | None, whole: bool) -> None:
        life = self.all.states[who.key][-1]
        told = Heartbeat(epoch=epoch if epoch is not None or life is None else life.epoch)
        for at in sorted(hearing):
            self._go(self.all.beat(self.all.replicas[at], who, told), whole)

    @rule(at=replicas, answers=st.booleans(), whole=whole)
    def a_replica_sweeps(self, at: int, answers: bool, whole: bool) -> None:
        replica = self.all.replicas[at]
        for due in self.all.due(replica):
            if answers and due.verdict is Verdict.SUSPECT:
                replica.index.hear(due.who)
                replica.heard[due.who] = self.all.now
            else:
                self._go(self.all.turn(replica, due), whole)

    @rule(seconds=st.sampled_from([1, 50, 100, 320, 2_000, 4_000, 9_000]))
    def time_passes(self, seconds: int) -> None:
        self.all.now += seconds
        self.all.bucket.pass_time()

    @rule(at=replicas, position=st.integers(0, 20), twice=st.booleans(), whole=whole)
    def a_repeated_write_arrives(self, at: int, position: int, twice: bool, whole: bool) -> None:
        replica = self.all.replicas[at]
        if not replica.feed or self._reads(replica):
            return
        place = position % len(replica.feed)
        entry = replica.feed[place] if twice else replica.feed.pop(place)
        self._go(self.all.begin(replica, replica.deliver(entry)), whole)

    @rule(at=replicas)
    def repeated_writes_arrive_in_order(self, at: int) -> None:
        replica = self.all.replicas[at]
        while replica.feed and not self._reads(replica):
            self.all.finish(self.all.begin(replica, replica.deliver(replica.feed.pop(0))))

    @rule(at=replicas, position=st.integers(0, 20))
    def a_repeated_write_is_lost(self, at: int, position: int) -> None:
        feed = self.all.replicas[at].feed
        if feed:
            feed.pop(position % len(feed))

    @rule(at=replicas, whole=whole)
    def a_replica_looks(self, at: int, whole: bool) -> None:
        replica = self.all.replicas[at]
        if not self._reads(replica):
            self._go(self.all.begin(replica, replica.mirror.look()), whole)

    def _reads(self, replica: Replica) -> bool:
        return any(task.replica is replica and task.wish is None for task in self.all.tasks)

    @precondition(lambda self: self.all.tasks)
    @rule(which=st.integers(0, 20), whole=whole)
    def something_goes_on(self, which: int, whole: bool) -> None:
        task = self.all.tasks[which % len(self.all.tasks)]
        self.all.step(task)
        self._go(task, whole)

    @rule(at=replicas, what=st.integers(0, 9), who=INSTANCE)
    def something_goes_wrong(self, at: int, what: int, who: Instance) -> None:
        if what == 0:
            self.all.lose()
        elif what < 3:
            self.all.delete(who)
        elif what < 6:
            self.all.restart(at)
        else:
            self.all.bucket.fault = Fault.ANSWER_LOST if what < 8 else Fault.REQUEST_LOST

    def teardown(self) -> None:
        if hasattr(self, "all"):
            self.all.settle()
            self.all.check()
            self.all.fall_silent()


SHORT = settings(
    max_examples=EXAMPLES or 60,
    stateful_step_count=50,
    deadline=None,
    derandomize=not EXAMPLES,
    database=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
TestAnyInterleaving = DirectoryMachine.TestCase
TestAnyInterleaving.settings = SHORT


def steps(machine: DirectoryMachine, chance: Random) -> list[tuple[int, Callable[[], object]]]:
    """One of each rule with words of its own, and how often it is to be taken."""
    at, whole, who = chance.randrange(REPLICAS), chance.random() < 0.6, chance.choice(INSTANCES)
    epoch, word = chance.choice([None, 1, 2, 2, 3, 3, 4]), chance.choice(["plain", "fancy"])
    seconds, place = chance.choice([1, 50, 100, 100, 320, 4_000, 9_000]), chance.randrange(20)
    hearing = {one for one in range(REPLICAS) if chance.random() < 0.5}
    return [
        (20, lambda: machine.somebody_registers(at=at, who=who, epoch=epoch, word=word, whole=whole)),
        (8, lambda: machine.somebody_leaves(at=at, who=who, epoch=epoch, whole=whole)),
        (2, lambda: machine.all_of_a_member_leave(at=at)),
        (12, lambda: machine.a_heartbeat_comes(hearing=hearing, who=who, epoch=epoch, whole=whole)),
        (14, lambda: machine.a_replica_sweeps(at=at, answers=chance.random() < 0.2, whole=whole)),
        (14, lambda: machine.time_passes(seconds=seconds)),
        (10, lambda: machine.a_repeated_write_arrives(at=at, position=place, twice=chance.random() < 0.3, whole=whole)),
        (12, lambda: machine.repeated_writes_arrive_in_order(at=at)),
        (4, lambda: machine.a_repeated_write_is_lost(at=at, position=place)),
        (6, lambda: machine.a_replica_looks(at=at, whole=whole)),
        (16, lambda: machine.all.tasks and machine.something_goes_on(which=place, whole=whole)),
        (4, lambda: machine.something_goes_wrong(at=at, what=chance.randrange(10), who=who)),
    ]


@pytest.mark.parametrize("first", range(0, WALKS, 100))
def test_no_walk_through_the_rules_ends_in_a_wrong_registry(first: int) -> None:
    """As above without the shrinking, and so a hundred times as far; the seed that fails is in the traceback."""
    for seed in range(first, first + 100):
        chance = Random(seed)
        machine = DirectoryMachine()
        machine.begin(word="plain")
        for _ in range(40):
            offered = steps(machine, chance)
            (go,) = chance.choices([step for _, step in offered], [weight for weight, _ in offered])
            go()
        machine.teardown()
