"""One fault of each kind under load, and every promise kept: the run of ten minutes, in one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.checker import check
from tests.chaos.figures import counted
from tests.chaos.journal import Op, Outcome
from tests.chaos.plan import short_plan
from tests.chaos.run import Files, carry_out

SEED = 20

pytestmark = pytest.mark.timeout(400)


async def test_no_promise_is_broken_by_one_fault_of_each_kind(tmp_path: Path) -> None:
    files, plan = Files(tmp_path), short_plan(SEED)
    await carry_out(plan, files)
    evidence = files.evidence()
    verdict = check(evidence)
    assert verdict.examples == {}
    # And it was a run: each kind of operation succeeded again and again, and the faults were not spared.
    for op, counts in counted(evidence.operations).items():
        assert counts[Outcome.OK] > 50, (op, counts)
    assert len({hurt.label for hurt in evidence.hurts}) >= 6
    assert any(one.op is Op.CALL and one.outcome is Outcome.UNKNOWN for one in evidence.operations)
