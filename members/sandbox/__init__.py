"""A place where input from strangers is worked on: child processes that can be limited and killed.

```
pool      warm workers of one engine; a job has a worker to itself and cannot outlive its time
child     one program in a process group of its own, gone with everything it started when the block ends
launcher  the first code in every child: takes limits upon itself, then becomes the program
entry     the first code in a worker: opens the engine without loading the member SDK
worker    the loop inside a worker: job in, progress and one outcome out
frames    how jobs and outcomes travel over the pipes
scratch   a temporary directory that is always removed
refusals  what an engine may say no with; `leaves` turns it into the federation's errors
extras    is everything installed that a service needs
```

An engine is a module with a table `JOBS`: name → function of (arguments, report). It imports nothing of the bus.
"""

from __future__ import annotations
