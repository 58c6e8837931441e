"""A deployment's trust, as files: `deployment` issues and revokes, `register` remembers what was issued."""

from __future__ import annotations

from omega.trust.deployment import Deployment, Way
from omega.trust.register import Issued

__all__ = ["Deployment", "Issued", "Way"]
