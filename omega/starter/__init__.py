"""What `omega new` writes: the files below `files`, with a new name in them."""

from __future__ import annotations

from omega.starter.naming import BadName, Names, names_for
from omega.starter.writing import InTheWay, write_project

__all__ = ["BadName", "InTheWay", "Names", "names_for", "write_project"]
