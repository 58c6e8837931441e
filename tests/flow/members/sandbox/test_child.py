"""Child programs: limited by the kernel, gone when the block ends."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from members.sandbox.child import child, end, start
from members.sandbox.limits import Limits
from members.sandbox.scratch import scratch
from tests.flow.members.sandbox.test_pool import alive
from tests.support.nats import until

LIMITS = Limits(memory_bytes=1 << 30, file_bytes=1 << 20, cpu_s=1)
ENVIRONMENT = {"PATH": os.environ["PATH"]}


async def output(program: str, *arguments: str) -> tuple[int, str]:
    async with child(["sh", "-c", program, *arguments], limits=LIMITS, env=ENVIRONMENT) as process:
        out, _ = await asyncio.wait_for(process.communicate(), 20)
        assert process.returncode is not None
        return process.returncode, out.decode()


async def test_a_program_knows_its_own_environment_and_no_other() -> None:
    status, out = await output("env")
    assert status == 0
    assert {line.split("=")[0] for line in out.split()} <= {
        "PATH",
        "PWD",
        "OLDPWD",
        "SHLVL",
        "_",
        "LC_CTYPE",
        "LD_LIBRARY_PATH",
    }


async def test_a_file_beyond_the_limit_kills_its_writer(tmp_path: Path) -> None:
    status, _ = await output('head -c 5000000 /dev/zero > "$0"', str(tmp_path / "big"))
    assert status != 0
    assert (tmp_path / "big").stat().st_size <= 1 << 20


async def test_processor_time_is_limited() -> None:
    status, _ = await output("while :; do :; done")
    assert status != 0


async def test_nothing_of_the_group_is_left_when_the_block_ends() -> None:
    async with child(["sh", "-c", "sleep 600 & echo $!; wait"], limits=LIMITS, env=ENVIRONMENT) as process:
        assert process.stdout is not None
        grandchild = int(await asyncio.wait_for(process.stdout.readline(), 20))
        assert alive(grandchild)
    await until(lambda: not alive(grandchild))


async def test_a_start_that_is_cancelled_half_way_leaves_no_process() -> None:
    for rounds in range(12):
        starting = asyncio.create_task(start(["sleep", "600"], limits=LIMITS, env=ENVIRONMENT, talks=True))
        for _ in range(rounds):
            await asyncio.sleep(0)
        starting.cancel()
        with suppress(asyncio.CancelledError):  # the last rounds come too late
            await end(await starting)
        assert psutil.Process().children() == []


async def test_an_end_that_is_cancelled_half_way_is_still_an_end() -> None:
    process = await start(["sh", "-c", "yes"], limits=LIMITS, env=ENVIRONMENT)
    ending = asyncio.create_task(end(process))
    await asyncio.sleep(0)
    ending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ending
    assert process.returncode is not None
    assert process.stdout is not None
    assert process.stdout.at_eof()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")
async def test_a_child_dies_with_its_parent() -> None:
    program = "import asyncio, os; from members.sandbox.child import start; from members.sandbox.limits import Limits\n"
    program += "async def main():\n"
    program += (
        "    p = await start(['sleep', '600'], limits=Limits(memory_bytes=1 << 30, file_bytes=0), env=os.environ)\n"
    )
    program += "    print(p.pid, flush=True); os._exit(1)\n"
    program += "asyncio.run(main())"
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    out, _ = await asyncio.wait_for(parent.communicate(), 30)
    await until(lambda: not alive(int(out)))


async def test_scratch_is_private_and_removed_also_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        async with scratch(tmp_path) as folder:
            assert folder.stat().st_mode & 0o077 == 0
            (folder / "a").mkdir()
            (folder / "a" / "b").write_text("x")
            raise RuntimeError
    assert not alive_in(tmp_path)


def alive_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())
