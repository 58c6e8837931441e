"""What is read from a trace of system calls."""

from __future__ import annotations

from tests.chaos.write_path import follow, read_trace

STORE = "/store/jetstream/msgs/1.blk"
SYNCED = [
    f'11 100.000001 write(7<{STORE}>, "\\1marked-1-", 40) = 40 <0.000010>',
    f"12 100.000020 fsync(7<{STORE}> <unfinished ...>",
    '13 100.000030 write(9<socket:[5]>, "something else", 14) = 14 <0.000010>',
    "12 100.000900 <... fsync resumed>) = 0 <0.000880>",
    '11 100.001000 write(9<socket:[5]>, "MSG \\"stream\\":\\"KV\\", \\"seq\\":77}", 60) = 60 <0.000010>',
]


def test_a_sync_that_ended_before_the_acknowledgement_counts() -> None:
    (way,) = follow({"marked-1-": 77}, [read_trace(SYNCED)])
    assert way.synced == (100.0009,)
    assert way.acknowledged == 100.001
    assert way.synced_before() == 1


def test_a_sync_still_under_way_does_not_count() -> None:
    late = [*SYNCED[:3], SYNCED[4], SYNCED[3].replace("100.000900", "100.002000")]
    (way,) = follow({"marked-1-": 77}, [read_trace(late)])
    assert way.synced_before() == 0


def test_a_sync_of_another_file_or_before_the_write_does_not_count() -> None:
    other = [
        line.replace("fsync(7</store/jetstream/msgs/1.blk>", "fsync(8</store/jetstream/meta.inf>") for line in SYNCED
    ]
    assert follow({"marked-1-": 77}, [read_trace(other)])[0].synced_before() == 0
    early = [SYNCED[1].replace("100.000020", "099.900000"), SYNCED[3].replace("100.000900", "099.990000")]
    assert follow({"marked-1-": 77}, [read_trace([*early, SYNCED[0], SYNCED[4]])])[0].synced_before() == 0


def test_each_server_is_counted_for_itself() -> None:
    silent = [line for line in SYNCED if "socket" not in line]
    (way,) = follow({"marked-1-": 77}, [read_trace(SYNCED), read_trace(silent), read_trace([])])
    assert way.synced_before() == 2


def test_an_acknowledgement_that_nobody_saw_is_not_invented() -> None:
    (way,) = follow({"marked-1-": 78}, [read_trace(SYNCED)])
    assert way.acknowledged is None
