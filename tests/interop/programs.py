# SPDX-License-Identifier: MIT
"""programs.py - builds the clients that are written in C, and fetches the one of npm.

A library that is missing here is no reason to skip: packaging/debian-test-deps names it.
"""

import pathlib
import shlex
import subprocess

HERE = pathlib.Path(__file__).resolve().parent

C_CLIENTS = [
    ("strophe_client", "libstrophe"),
    ("purple_client", "purple"),
]


def run(command, cwd=HERE):
    subprocess.run(command, cwd=cwd, check=True, text=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)


def fetch_xmppjs(name):
    """npm ci, when what is there is not what the lock file says."""
    lock = HERE / name / "package-lock.json"
    done = HERE / name / "node_modules" / ".package-lock.json"
    if not done.exists() or done.stat().st_mtime < lock.stat().st_mtime:
        run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], lock.parent)


def build(directory):
    """Leaves the programs in DIRECTORY/interop. Raises CalledProcessError with what was said."""
    target = pathlib.Path(directory) / "interop"
    target.mkdir(exist_ok=True)
    # The last one with the login of RFC 6120, which most of what is in use has; and the newest.
    for name in ("xmppjs", "xmppjs_fast"):
        fetch_xmppjs(name)
    for name, package in C_CLIENTS:
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", package], check=True,
                               capture_output=True, text=True).stdout
        run(["cc", "-std=gnu17", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-o",
             str(target / name), f"{name}.c", "line_client.c", *shlex.split(flags)])
