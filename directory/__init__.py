"""The directory: members' events in, the registry kept, discovery answered.

Follow presence through the files, in this order:

`intake`      the station where members register and leave: `admission` decides, `store` writes by compare-and-swap
`pulse`       the station where heartbeats arrive; `sweep` the one that notices silence; `life` decides for both
`follow`      the station that keeps the index true to the bucket: snapshot, change feed, gaps repaired
`index`       what a replica knows: `registry` (records, members), `leases`, `view` (ready bytes), `text` (ranked words)
`discovery`   the station that answers: `answers`, `query`, `versions`; `select` with `times`
`replica`     all of it put together: `Directory`

`window`      the directory of a hub: `watch` reads the registries of several sites, `sites` makes one of them

Nouns without I/O: `record`, `member`, `registry`, `leases`, `view`, `life`, `admission`, `query`, `select`, `versions`.
"""

from __future__ import annotations

from directory.replica import Directory
from directory.settings import DirectorySettings
from directory.window import Window

__all__ = ["Directory", "DirectorySettings", "Window"]
