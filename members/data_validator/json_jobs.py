"""The jobs of a worker for JSON. Runs in workers only."""

from __future__ import annotations

from members.data_validator.inference import infer
from members.data_validator.validation import validate

JOBS = {"validate": validate, "infer": infer}
