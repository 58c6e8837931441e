"""The first module of a worker: what must be settled before numpy is loaded; then the jobs.

numpy's linear algebra reserves memory for each processor of the machine when it is loaded. None of it is used here,
and on a large machine it alone would exceed the worker's address space.
"""

from __future__ import annotations

import importlib
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

JOBS = importlib.import_module("members.image_service.jobs").JOBS
