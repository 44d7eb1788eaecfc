#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""make_run.py - what `make run` starts: two accounts, the legacy dialogue, Ctrl-C, the same again.

Runs tools/run in a directory of its own on free ports. Prints what it checked; exits 0, 1, or 77
when it is not Recado that is tested.
"""

import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import servers

HERE = pathlib.Path(__file__).resolve().parent
PATIENCE = 30


class Failure(Exception):
    pass


class Started:
    """tools/run, as make starts it in a terminal: SIGINT is its end."""

    def __init__(self, directory):
        self.output = directory / "output"
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [HERE.parent.parent / "tools" / "run", os.environ["RECADO_INTEROP_SERVER_BUILD"]],
                env=dict(os.environ, RECADO_RUN=str(directory)), stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        deadline = time.monotonic() + PATIENCE
        while "Ctrl-C stops it." not in self.text():
            if time.monotonic() > deadline or self.process.poll() is not None:
                self.kill()
                raise Failure(f"make run does not get ready: {self.text()}")
            time.sleep(0.05)

    def text(self):
        return self.output.read_text(errors="replace")

    def interrupt(self):
        """Ctrl-C goes to every process of the terminal."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(PATIENCE)

    def kill(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


def checked(is_so, what, text=""):
    if not is_so:
        raise Failure(f"{what}\n{text}")
    print(f"  ok: {what}", flush=True)


def configure(directory):
    port, tls_port = servers.free_ports(2)
    (directory / "recado.conf").write_text(f"""
host = "localhost";
data_directory = "data";
run_directory = ".";
certificate_directory = "certificates";
listeners = (
	{{ type = "c2s"; address = "127.0.0.1"; port = {port}; }},
	{{ type = "c2s-tls"; address = "127.0.0.1"; port = {tls_port}; }}
);
""")
    return port, tls_port


def accounts_in(text):
    return re.findall(r"^  (\w+)@localhost +password +(\S+)$", text, re.MULTILINE)


def story(directory):
    port, tls_port = configure(directory)
    first = Started(directory)
    try:
        text = first.text()
        accounts = accounts_in(text)
        checked(len(accounts) == 2, "the first start makes two accounts and prints them", text)
        checked(str(port) in text and str(tls_port) in text, "it prints the ports", text)
        checked(all(re.search(rf"^  {word} ", text, re.MULTILINE)
                    for word in ("Profanity", "Gajim", "legacy")),
                "and how to log in with Profanity, Gajim and the legacy dialogue", text)
        dialogue = subprocess.run(
            [HERE / "legacy_dialogue.py"], stdin=subprocess.DEVNULL, capture_output=True,
            text=True, check=False, timeout=60, env=dict(
                os.environ, RECADO_INTEROP_PORT=str(port), RECADO_INTEROP_FIRST=accounts[0][0],
                RECADO_INTEROP_PASSWORD=accounts[0][1], RECADO_INTEROP_SECOND=accounts[1][0],
                RECADO_INTEROP_SECOND_PASSWORD=accounts[1][1]))
        checked(dialogue.returncode == 0, "the legacy dialogue works on it",
                dialogue.stdout + dialogue.stderr)
        checked(first.interrupt() == 0, "Ctrl-C stops it cleanly", first.text())
        again = Started(directory)
        try:
            checked(accounts_in(again.text()) == accounts and "account-add" not in again.text(),
                    "the next start finds the same accounts", again.text())
            checked(again.interrupt() == 0, "and stops as cleanly", again.text())
        finally:
            again.kill()
    finally:
        first.kill()


def main():
    print("make run")
    if os.environ["RECADO_INTEROP_SERVER"] != "recado":
        print("SKIP: it starts Recado and no other server")
        return 77
    directory = pathlib.Path(os.environ["HOME"]) / "run"
    directory.mkdir()
    try:
        story(directory)
    except (Failure, OSError, subprocess.SubprocessError) as failure:
        print(f"  FAIL: {failure}")
        return 1
    return 0


sys.exit(main())
