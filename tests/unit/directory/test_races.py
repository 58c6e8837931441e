"""Races between replicas, one by one: what the model test looks for at random, told in order."""

from __future__ import annotations

import pytest

from bus.kv import Entry, Write
from bus.messages import Heartbeat, Status
from bus.reading import StreamState
from bus.subjects import Instance
from directory.admission import leave
from directory.due import Due
from directory.life import Verdict
from directory.place import BLIND_S, Place, Repair, Step, repair, step
from directory.registry import Registry
from directory.store import read_record
from tests.support.bucket import Fault, run
from tests.unit.directory.model import Federation, Leave, Register, Replica
from tests.unit.directory.samples import record

WHO = Instance("alpha", "one")


@pytest.fixture
def all() -> Federation:
    """Three replicas that know one instance of epoch 2."""
    federation = Federation()
    federation.finish(federation.register(federation.replicas[0], Register(WHO, 2, "plain")))
    federation.deliver_all()
    return federation


def held(replica: Replica) -> tuple[int, Status] | None:
    found = replica.index.registry.record(WHO)
    return (found.epoch, found.status) if found else None


def end(all: Federation) -> None:
    all.settle()
    all.check()


# answers of a replica that is behind -------------------------------------------------------------------------------


def test_a_registration_is_not_called_unchanged_on_the_word_of_an_index_that_is_behind(all: Federation) -> None:
    all.finish(all.leave(all.replicas[0], Leave(WHO, None)))
    all.finish(all.register(all.replicas[1], Register(WHO, None, "plain")))
    assert held(all.replicas[1]) == (1_000_000, Status.ACTIVE)
    end(all)


def test_a_member_that_registered_elsewhere_a_moment_ago_can_leave(all: Federation) -> None:
    fresh = Instance("alpha", "two")
    all.finish(all.register(all.replicas[0], Register(fresh, 1, "plain")))
    work = all.replicas[1].store.decide(fresh, lambda current: leave(current, all.now))
    task = all.begin(all.replicas[1], work, Leave(fresh, None))
    all.finish(task)
    assert task.committed
    assert run(all.replicas[2].store.instances("alpha")) == [WHO, fresh]
    end(all)


def test_a_conflict_with_a_life_that_is_gone_from_the_bucket_is_none(all: Federation) -> None:
    all.lose()
    run(all.bucket.make())
    task = all.register(all.replicas[1], Register(WHO, 1, "plain"))
    all.finish(task)
    assert task.committed
    end(all)


def test_what_was_stored_once_and_is_not_in_the_bucket_is_found_and_written_back(all: Federation) -> None:
    lost = Instance("alpha", "two")
    all.finish(all.register(all.replicas[1], Register(lost, 1, "plain")))
    all.deliver_all()
    all.vanish(lost)
    run(all.replicas[1].store.decide(lost, lambda current: None))
    all.finish(all.register(all.replicas[0], Register(Instance("alpha", "one"), 9, "fancy")))
    assert all.replicas[1].index.doubted
    run(all.replicas[1].mirror.look())
    assert set(all.bucket.entries) == {"alpha.one", "alpha.two"}
    end(all)


# sweeps ------------------------------------------------------------------------------------------------------------


def suspected(all: Federation, replica: Replica) -> Due:
    all.now += 91
    (due,) = all.due(replica)
    assert due.verdict is Verdict.SUSPECT
    return due


def test_a_heartbeat_that_comes_during_the_probe_counts(all: Federation) -> None:
    sweeper = all.replicas[0]
    due = suspected(all, sweeper)
    task = all.turn(sweeper, due)
    all.beat(sweeper, WHO, Heartbeat(epoch=2))
    all.finish(task)
    assert held(sweeper) == (2, Status.ACTIVE)


def test_a_verdict_on_one_life_does_not_touch_the_next(all: Federation) -> None:
    due = suspected(all, all.replicas[1])
    all.finish(all.register(all.replicas[0], Register(WHO, 3, "plain")))
    task = all.turn(all.replicas[1], due)
    all.finish(task)
    assert not task.committed
    assert held(all.replicas[1]) == (3, Status.ACTIVE)
    end(all)


def test_who_registered_elsewhere_has_a_full_lease_here(all: Federation) -> None:
    due = suspected(all, all.replicas[0])
    all.finish(all.turn(all.replicas[0], due))
    all.deliver_all()
    all.now += 60
    all.finish(all.register(all.replicas[0], Register(WHO, 2, "plain")))
    all.deliver_all()
    assert held(all.replicas[1]) == (2, Status.ACTIVE)
    assert all.due(all.replicas[1]) == []
    end(all)


def test_who_was_stale_and_came_back_is_watched_by_its_lease_again(all: Federation) -> None:
    sweeper = all.replicas[0]
    all.finish(all.turn(sweeper, suspected(all, sweeper)))
    assert all.due(sweeper) == []
    task = all.beat(sweeper, WHO, Heartbeat(epoch=2))
    assert task is not None
    all.finish(task)
    assert all.due(sweeper) == []
    all.now += 91
    assert [due.verdict for due in all.due(sweeper)] == [Verdict.SUSPECT]


def test_a_heartbeat_of_one_life_does_not_revive_another(all: Federation) -> None:
    all.finish(all.turn(all.replicas[0], suspected(all, all.replicas[0])))
    all.deliver_all()
    reviving = all.beat(all.replicas[1], WHO, Heartbeat(epoch=2))
    assert reviving is not None
    all.finish(all.register(all.replicas[0], Register(WHO, 3, "plain")))
    all.finish(reviving)
    assert not reviving.committed
    end(all)


# leaving -----------------------------------------------------------------------------------------------------------


def test_a_displaced_process_ends_no_life_but_its_own(all: Federation) -> None:
    all.finish(all.leave(all.replicas[0], Leave(WHO, 1)))
    assert held(all.replicas[0]) == (2, Status.ACTIVE)
    all.finish(all.leave(all.replicas[0], Leave(WHO, 2)))
    assert held(all.replicas[0]) is None


# writes and their echo ---------------------------------------------------------------------------------------------


def test_an_answer_that_comes_after_the_end_of_its_key_brings_nobody_back(all: Federation) -> None:
    replica = all.replicas[0]
    late = all.register(replica, Register(WHO, 3, "plain"))
    all.step(late)  # asked
    all.step(late)  # committed; the answer is on its way
    assert late.committed
    all.delete(WHO)
    all.deliver_all()
    all.finish(late)
    assert held(replica) is None
    end(all)


def test_an_end_that_arrives_late_does_not_hide_what_was_written_since(all: Federation) -> None:
    replica = all.replicas[0]
    all.delete(WHO)
    all.finish(all.register(replica, Register(WHO, 3, "plain")))
    assert held(replica) == (3, Status.ACTIVE)
    all.finish(all.begin(replica, replica.deliver(replica.feed.pop(0))))
    assert held(replica) == (3, Status.ACTIVE)
    end(all)


def test_an_unconfirmed_write_is_told_as_neither(all: Federation) -> None:
    for fault in Fault:
        all.bucket.fault = fault
        all.finish(all.register(all.replicas[0], Register(WHO, 5, "fancy")))
    all.finish(all.register(all.replicas[1], Register(WHO, 5, "fancy")))
    end(all)


# a bucket made anew ------------------------------------------------------------------------------------------------


def test_what_a_lost_bucket_held_is_written_back_by_whichever_replica_looks_first(all: Federation) -> None:
    all.lose()
    run(all.replicas[0].mirror.look())
    all.finish(all.register(all.replicas[0], Register(Instance("alpha", "two"), 1, "plain")))
    all.deliver_all()
    assert [len(one.index.registry.records()) for one in all.replicas] == [2, 2, 2]
    end(all)


def test_a_bucket_that_was_emptied_and_goes_on_is_filled_again(all: Federation) -> None:
    all.empty()
    run(all.replicas[0].mirror.look())
    assert len(all.bucket.entries) == 1
    end(all)


def test_who_left_does_not_come_back_with_what_is_written_back(all: Federation) -> None:
    all.finish(all.leave(all.replicas[0], Leave(WHO, None)))
    all.deliver_all()
    all.lose()
    for replica in all.replicas:
        run(replica.mirror.look())
    assert all.bucket.entries == {}
    end(all)


def test_a_replica_that_saw_nothing_for_too_long_writes_nothing_back(all: Federation) -> None:
    all.now += BLIND_S + 1
    all.lose()
    run(all.replicas[0].mirror.look())
    assert all.bucket.entries == {}
    assert held(all.replicas[0]) is None


def test_a_write_on_what_was_known_of_the_old_bucket_does_not_hit_the_new_one(all: Federation) -> None:
    all.lose()
    run(all.replicas[0].mirror.look())
    all.finish(all.register(all.replicas[0], Register(WHO, 9, "fancy")))
    all.finish(all.leave(all.replicas[1], Leave(WHO, 2)))
    assert held(all.replicas[0]) == (9, Status.ACTIVE)
    end(all)


STATE = StreamState("monday", 10, 10)


@pytest.mark.parametrize(
    ("place", "bucket", "blind_s", "needed"),
    [
        (Place("monday", 10), STATE, 2, Repair.NOTHING),
        (Place("monday", 9), STATE, 2, Repair.CATCH_UP),
        (Place("monday", 9), STATE, BLIND_S + 1, Repair.REBUILD),
        (Place("monday", 10), STATE, BLIND_S + 1, Repair.NOTHING),
        (Place("sunday", 10), STATE, 2, Repair.RESTORE),
        (Place("monday", 11), STATE, 2, Repair.RESTORE),
        (Place("monday", 10), None, 2, Repair.RESTORE),
        (Place("monday", 10), None, BLIND_S + 1, Repair.REBUILD),
        (Place("monday", 11), STATE, BLIND_S + 1, Repair.REBUILD),
    ],
)
def test_what_a_look_asks_for(place: Place, bucket: StreamState | None, blind_s: float, needed: Repair) -> None:
    assert repair(place, bucket, blind_s) is needed
    assert repair(place, bucket, blind_s, held=10) is needed


@pytest.mark.parametrize(("blind_s", "needed"), [(2, Repair.RESTORE), (BLIND_S + 1, Repair.REBUILD)])
def test_a_bucket_with_less_than_what_lives_has_lost_something(blind_s: float, needed: Repair) -> None:
    for sequence in (9, 10):
        assert repair(Place("monday", sequence), STATE, blind_s, held=11) is needed
        assert repair(Place("monday", sequence), STATE, blind_s, doubted=True) is needed


@pytest.mark.parametrize(("revision", "found"), [(6, Step.NEXT), (7, Step.GAP), (5, Step.PASSED), (1, Step.PASSED)])
def test_what_a_repeated_write_is(revision: int, found: Step) -> None:
    assert step(Place("monday", 5), revision) is found


def test_a_replica_that_was_away_longer_than_marks_last_forgets_who_left_meanwhile(all: Federation) -> None:
    away = all.replicas[2]
    all.finish(all.leave(all.replicas[0], Leave(WHO, None)))
    for _ in range(3):
        all.now += 3_600
        all.bucket.pass_time()
    all.finish(all.register(all.replicas[0], Register(Instance("alpha", "two"), 1, "plain")))
    away.feed.clear()
    run(away.mirror.look())
    assert held(away) is None
    end(all)


# what is in the bucket ---------------------------------------------------------------------------------------------


def test_a_record_under_the_key_of_another_is_none() -> None:
    value = record("honest").to_bytes()
    assert read_record(Entry("honest.default", value, 1))[0] is not None
    assert read_record(Entry("liar.default", value, 1)) == (None, 1)
    odd = value.replace(b'"id":"honest"', b'"id":["odd"]', 1)
    assert read_record(Entry("odd.default", odd, 1)) == (None, 1)


def test_a_misplaced_record_is_in_no_index(all: Federation) -> None:
    all.by_hand = True
    all.states["liar.default"] = [None]
    run(all.bucket.put(Write("liar.default", record("honest").to_bytes(), 0)))
    all.deliver_all()
    all.restart(1)
    assert [list(one.index.registry.ids()) for one in all.replicas] == [["alpha"]] * 3


def test_members_added_in_any_order_are_read_in_order() -> None:
    registry = Registry()
    names = [f"m{number * 7919 % 1000:03}" for number in range(1000)]
    for revision, name in enumerate(names, 1):
        registry.apply(record(name), revision)
        if revision % 300 == 0:
            assert len(registry.in_order("active")) == revision
    assert [one.id for one in registry.in_order("active")] == sorted(names)
    registry.forget(Instance("m500"))
    assert [one.id for one in registry.in_order("any")] == sorted(set(names) - {"m500"})
    assert registry.count("active") == 999
