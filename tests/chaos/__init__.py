"""A federation under faults, and an independent judge of what became of it: `python -m tests.chaos`.

`plan`                          which fault comes when: from the seed alone, pure
`stage`, `network`, `process`   three NATS nodes, two directories, two gateways, four members; the proxies between them
`member`                        what is called: it writes down each execution
`load`, `population`, `doors`   the steady load, and what each operation came to
`faults`                        the schedule, carried out
`watch`                         every change of the registry as it happens, seen past the faults
`ending`                        everything killed once more; what the registry and each replica hold then
`journal`                       what all of these write down
`checker`, `lives`, `figures`   the verdict and the figures, from the journals alone, pure
`report`                        both as a page
`power_loss`, `write_path`      a server killed right after an acknowledgement; its write path down to the fsync
"""

from __future__ import annotations
