"""Backup and restore of a federation's registry and audit trail, as one file a person can look into.

`lines`     the file line by line: what each says, to bytes and back
`file`      the file as a whole: written in one step or not at all, verified before it is believed
`merge`     which records of a backup go into a registry that may hold newer ones
`backup`    the station that reads the streams and writes the file
`restore`   the station that reads the file and writes the streams
"""

from __future__ import annotations

from omega.archive.backup import back_up
from omega.archive.restore import restore

__all__ = ["back_up", "restore"]
