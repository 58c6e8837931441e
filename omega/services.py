"""The services that ship: what each is called, where its door is, and what it needs to be installed."""

from __future__ import annotations

import shutil
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
    modules: tuple[str, ...]
    """Modules it cannot do without."""
    programs: tuple[str, ...] = ()
    """Programs it cannot do without."""
    reads_others: bool = True
    """Whether its tools take resources of other members (`omega://member/…`) as input."""

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
        """The modules and programs it needs that are not installed."""
        modules = (module for module in self.modules if find_spec(module) is None)
        programs = (program for program in self.programs if shutil.which(program) is None)
        return (*modules, *programs)

    @property
    def remedy(self) -> str:
        """What to do about a missing one."""
        if set(self.missing) <= set(self.programs):
            return f"install {' and '.join(self.programs)} with the system's packages"
        return f"pip install '{DISTRIBUTION}[{self.extra}]'"


_ENGINES = ("lizard", "pygount", "ruff", "bandit", "detect_secrets", "ast_grep_py", "yaml")

SHIPPED = (
    Service("code_analyzer_fastmcp", 9501, "code", _ENGINES, ("git",), reads_others=False),
    Service("data_validator_fastmcp", 9502, "data", ("jsonschema_rs",)),
    Service("image_service_fastmcp", 9503, "image", ("PIL",)),
)


def shipped(name: str) -> Service | None:
    """The shipped service of that id or short name; `-` counts as `_`."""
    wanted = name.replace("-", "_")
    return next((service for service in SHIPPED if wanted in (service.id, service.name)), None)
