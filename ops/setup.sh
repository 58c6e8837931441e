#!/bin/sh
# Makes .venv exactly as uv.lock says. Needs python3 (3.11 to 3.13) and, when no uv is on PATH, venv or pip to get one.
# PYTHON=/path/to/python chooses the interpreter.
set -eu

UV_WANTED="uv>=0.13.9,<0.14"
UV_OLDEST="0.13.9" # older ones call this lock file out of date
export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

fits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; }

find_python() {
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if fits "$candidate"; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    die "needs Python 3.11, 3.12 or 3.13; found $("${PYTHON:-python3}" --version 2>&1 || true). Debian: apt-get install python3"
}

new_enough() { # is the uv on PATH young enough for the lock file?
    uv --version 2>/dev/null | "$python" -c '
import re, sys
found = re.search(r"(\d+)\.(\d+)\.(\d+)", sys.stdin.read())
oldest = tuple(map(int, sys.argv[1].split(".")))
sys.exit(found is None or tuple(map(int, found.groups())) < oldest)' "$UV_OLDEST"
}

get_uv() { # a private one in .uv; prints where it is
    if [ -x .uv/bin/uv ]; then
        echo .uv/bin/uv
        return
    fi
    say "getting uv into .uv"
    rm -rf .uv
    if "$python" -m venv .uv >/dev/null 2>&1; then
        .uv/bin/python -m pip install --quiet "$UV_WANTED" >&2 ||
            die "could not get uv: see pip's message above (is the package index reachable?)"
        echo .uv/bin/uv
        return
    fi
    rm -rf .uv # Debian makes half of it before it finds out that ensurepip is not there
    "$python" -m pip --version >/dev/null 2>&1 ||
        die "this Python has neither venv nor pip. Debian: apt-get install python3-venv"
    "$python" -m pip install --quiet --target .uv "$UV_WANTED" >&2 ||
        die "could not get uv: see pip's message above (is the package index reachable?)"
    echo .uv/bin/uv
}

python=$(find_python)
if command -v uv >/dev/null 2>&1 && new_enough; then uv=uv; else uv=$(get_uv); fi

say "making .venv from uv.lock with $("$python" --version)"
make_env() { # compiled once here rather than at the first start of every process
    UV_PYTHON_DOWNLOADS=never "$uv" sync --quiet --locked --all-extras --compile-bytecode --python "$python" "$@"
}

if ! problem=$(make_env 2>&1); then
    case $problem in
    *certificate*) make_env --system-certs ;; # an index, or a proxy before it, that only this machine's own list knows
    *) die "$problem" ;;
    esac
fi
printf '%s\n' "$root" >.venv/.synced
