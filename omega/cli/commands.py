"""The table of commands: name, where it is written, one line of help, the group it is shown in."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from cyclopts import App, Group

DISTRIBUTION = "omega-federation"

HERE = Group.create_ordered("A federation on this machine")
LOOK = Group.create_ordered("Look around")
USE = Group.create_ordered("Use and change")
SERVE = Group.create_ordered("One process each, against a NATS of yours")
SELF = Group.create_ordered("About this command")

HELP = """\
A federation of MCP tool servers on a NATS message bus.

  [bold]omega up[/bold]                          start one on this machine
  [bold]omega ls[/bold]                          see who is in it
  [bold]omega call ID TOOL key=value …[/bold]    use a tool
  [bold]omega doctor[/bold]                      when something is wrong
"""

EPILOGUE = """\
[dim]Exit codes: 0 done; 1 refused or failed; 2 wrong command line; 3 nobody answers now; 4 not found; \
5 outcome unknown; 6 not installed. Commands that show something take --json.[/dim]
"""


@dataclass(frozen=True, slots=True)
class Command:
    """A command, before its module is loaded."""

    name: str
    place: str
    """`module:function` below this package."""
    help: str
    """The first line of the function's docstring, again: the front door must not load every module for it."""
    group: Group


COMMANDS = (
    Command("up", "up:up", "Start a federation: NATS, directory, gateway and services, kept alive.", HERE),
    Command("down", "down:down", "End the federation of this machine, members first.", HERE),
    Command(
        "restart", "restart:restart", "Restart its processes one after the other, each ready before the next.", HERE
    ),
    Command("status", "status:status", "Show its processes and how each is doing.", HERE),
    Command("logs", "logs:logs", "Show what its processes wrote; -f follows.", HERE),
    Command("doctor", "doctor:doctor", "Look for what is wrong on this machine, and say what to do.", HERE),
    Command("ls", "discover:ls", "List the members.", LOOK),
    Command("show", "discover:show", "Show one member: what it says of itself, its copies, its tools.", LOOK),
    Command("search", "discover:search", "Find members by words, tags, capabilities or version.", LOOK),
    Command("watch", "watch:watch", "Show who comes and goes, as it happens.", LOOK),
    Command("call", "call:call", "Call a tool of a member and print its result.", USE),
    Command("mcp", "mcp:mcp", "Serve the federation over stdin and stdout, for MCP clients on this machine.", USE),
    Command("register", "presence:register", "Register a member from a manifest file.", USE),
    Command("sign", "sign:sign", "Sign a manifest, and print what `omega register` takes.", USE),
    Command("verify", "sign:verify", "Check a signed manifest: who signed it, and that nothing was changed.", USE),
    Command("key", "sign:key", "Make a key to sign manifests with.", USE),
    Command("owner", "owner:owner", "Show who owns a member id, or give it to another.", USE),
    Command("unregister", "presence:unregister", "Take a member out of the registry.", USE),
    Command(
        "backup", "archive:backup", "Write registry, owners and audit trail of the running federation to a file.", USE
    ),
    Command("restore", "archive:restore", "Bring registry, owners and audit trail back from a backup.", USE),
    Command("trust", "trust:trust", "Say who is who on the bus: issue credentials, list them, end them.", USE),
    Command("token", "token:token", "Make, list and revoke the API keys that gateways let in.", USE),
    Command("directory", "directory:directory", "Run one directory replica.", SERVE),
    Command("gateway", "gateway:gateway", "Run one gateway.", SERVE),
    Command("adopter", "adopter:adopter", "Run one adopter: members registered over HTTP become callable.", SERVE),
    Command(
        "join", "join:join", "Join an MCP server that exists: a command, a URL, or a client's configuration.", SERVE
    ),
    Command("member", "member:member", "Run one member: a shipped service, or your own.", SERVE),
    Command("new", "new:new", "Write a new member of your own: tools, tests, Dockerfile, README.", SERVE),
)


def build_app() -> App:
    """The command line, with every command's module still unloaded."""
    app = App(
        name="omega",
        help=HELP,
        help_epilogue=EPILOGUE,
        help_format="rich",
        version=_version,
        group_commands=SELF,
        default_parameter=None,
    )
    for number, command in enumerate(COMMANDS):
        place = f"omega.cli.{command.place}"
        app.command(place, name=command.name, help=command.help, group=command.group, sort_key=number)
    app.register_install_completion_command()
    return app


def _version() -> str:
    """Of the installed distribution. Its reader is loaded only here: it costs a fifth of a bare `omega --help`."""
    return str(import_module("importlib.metadata").version(DISTRIBUTION))
