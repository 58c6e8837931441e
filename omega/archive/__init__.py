"""Backup and restore of a federation's registry, owners and audit trail, as one file a person can look into.

`lines`     the file line by line: what each says, to bytes and back
`file`      the file as a whole: written in one step or not at all, verified before it is believed
`merge`     which entries of a backup go into a federation that may hold newer ones
`backup`    the station that reads the streams and writes the file
`entries`   records and owners on their way back into their buckets
`events`    events on their way back into the trail
`restore`   the station that reads the file and writes the streams
"""

from __future__ import annotations

from omega.archive.backup import back_up
from omega.archive.restore import restore

__all__ = ["back_up", "restore"]
