"""Bandit is loaded here once: it passes an argument to one of its libraries that is deprecated there."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import bandit  # noqa: F401 - for what it does to sys.modules
