"""A real git server on loopback: smart HTTP by `git http-backend`, and the ways in which a server can misbehave."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

GIT_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_AUTHOR_DATE": "2024-01-01T00:00:00Z",
    "GIT_COMMITTER_DATE": "2024-01-01T00:00:00Z",
}


def git(folder: Path, *arguments: str, stdin: bytes = b"") -> str:
    """Run git in a folder and return what it said."""
    ended = subprocess.run(
        ["git", *arguments], cwd=folder, env=GIT_ENVIRONMENT, input=stdin, capture_output=True, check=False
    )
    assert ended.returncode == 0, ended.stderr.decode()
    return ended.stdout.decode().strip()


def commit_all(folder: Path) -> None:
    """Put everything in a folder under git."""
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A", "-f")
    git(folder, "commit", "-q", "--allow-empty", "-m", "all")


def repository(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """A repository with one commit that holds these files."""
    for name, content in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else content.encode())
    folder.mkdir(parents=True, exist_ok=True)
    commit_all(folder)
    return folder


class Handler(BaseHTTPRequestHandler):
    """`/<repository>/…` goes to git; `/moved/…`, `/silent/…`, `/trickle/…`, `/private/…`, `/web/…` misbehave."""

    server: GitServer

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        match self.path.split("/")[1]:
            case "moved":
                self.answer(302, {"Location": self.server.moved_to + self.path.removeprefix("/moved")})
            case "silent":
                self.server.released.wait(30)
            case "trickle":
                self.trickle()
            case "private":
                self.answer(401, {"WWW-Authenticate": 'Basic realm="git"'})
            case "web":
                self.answer(200, {"Content-Type": "text/html"}, b"<h1>hello</h1>")
            case _:
                self.backend()

    do_POST = do_GET

    def answer(self, status: int, headers: Mapping[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def trickle(self) -> None:
        """A byte now and then, for ever."""
        self.send_response(200)
        self.send_header("Content-Type", "application/x-git-upload-pack-advertisement")
        self.end_headers()
        while not self.server.released.wait(0.05):
            self.wfile.write(b"0")

    def backend(self) -> None:
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        environment = GIT_ENVIRONMENT | {
            "GIT_PROJECT_ROOT": str(self.server.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "REMOTE_ADDR": "127.0.0.1",
        }
        ended = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=False)
        head, _, content = ended.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        self.answer(int(headers.pop("Status", "200").split()[0]), headers, content)

    def log_message(self, format: str, *args: object) -> None:
        pass


class GitServer(ThreadingHTTPServer):
    """Serves every repository below `root`."""

    daemon_threads = False
    block_on_close = True

    def __init__(self, root: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.root = root
        self.asked: list[str] = []
        self.moved_to = "http://127.0.0.1:1"
        self.released = threading.Event()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def url(self, name: str) -> str:
        return f"http://{self.host}/{name}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is what some tests are about."""


@contextmanager
def serving(root: Path) -> Iterator[GitServer]:
    """A running server; at the end none of its threads is left."""
    server = GitServer(root)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        thread.join(10)
        server.server_close()
