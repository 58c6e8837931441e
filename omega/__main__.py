"""`python -m omega` is the `omega` command."""

from __future__ import annotations

from omega.cli import main

if __name__ == "__main__":
    main()
