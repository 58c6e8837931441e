"""The `omega` command: one small module per group of commands, loaded when one of them is used.

`commands` is the table of all; `up`, `down`, `status` and `logs` run a federation on this machine; `discover`, `call`,
`presence` and `watch` are a client's; `directory`, `gateway`, `member` and the like run one process each; `doctor`
looks at the machine. What they print is made in `tables`, `view` and `logline`, without I/O.
"""

from __future__ import annotations

import json
import os
import sys
from typing import NoReturn

from omega.cli.commands import build_app
from omega.cli.printable import printable
from omega.handshake import Exit
from omega.trouble import Trouble


def main() -> NoReturn:
    """Run the command that `sys.argv` names and exit with its code (see `omega.handshake.Exit`)."""
    try:
        build_app()()
    except BrokenPipeError:
        # Whoever read our output has seen enough; without this the interpreter would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(Exit.OK)
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)
    except Trouble as exc:
        sys.exit(_report(exc, as_json="--json" in sys.argv))
    sys.exit(Exit.OK)


def _report(trouble: Trouble, *, as_json: bool) -> Exit:
    lines = [json.dumps(trouble.body)] if as_json else [f"omega: {printable(line)}" for line in trouble.lines]
    sys.stderr.write("\n".join(lines) + "\n")
    return trouble.code
