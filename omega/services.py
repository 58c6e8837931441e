"""The services that ship: what each is called, where its door is, and what it needs to be installed."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

DISTRIBUTION = "omega-federation"


@dataclass(frozen=True, slots=True)
class Service:
    """A service of this distribution."""

    id: str
    """The member id it registers."""
    door: int
    """The documented port of its door on the gateway."""
    extra: str
    """The extra of the distribution that brings what it needs."""
    needs: tuple[str, ...]
    """Modules it cannot do without."""

    @property
    def name(self) -> str:
        """Its short name: of its folder, its process, its log."""
        return self.id.removesuffix("_fastmcp")

    @property
    def factory(self) -> str:
        """Where it is made, as `module:attribute`."""
        return f"members.{self.name}.service:build"

    @property
    def missing(self) -> tuple[str, ...]:
        """The modules it needs that are not installed."""
        return tuple(module for module in self.needs if find_spec(module) is None)

    @property
    def remedy(self) -> str:
        """What to do about a missing one."""
        return f"pip install '{DISTRIBUTION}[{self.extra}]'"


SHIPPED = (
    Service("code_analyzer_fastmcp", 9501, "code", ("lizard", "pygount", "bandit", "detect_secrets", "ast_grep_py")),
    Service("data_validator_fastmcp", 9502, "data", ("jsonschema_rs",)),
    Service("image_service_fastmcp", 9503, "image", ("PIL",)),
)


def shipped(name: str) -> Service | None:
    """The shipped service of that id or short name; `-` counts as `_`."""
    wanted = name.replace("-", "_")
    return next((service for service in SHIPPED if wanted in (service.id, service.name)), None)
