# SPDX-License-Identifier: MIT
"""clients.py - the clients of the interop tests: how each is started, and what it reports.

All but Profanity speak client_protocol.md. profanity.py drives a terminal and has the same face.
"""

import os
import pathlib
import subprocess
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
PATIENCE = 15  # seconds, for anything that should take milliseconds


class Failure(Exception):
    """A client did not see what it should have."""


class Client:
    """One session of one account. Use as `with`: whatever happens, the program ends."""

    modes = ("starttls", "tls")

    def __init__(self, name, command, modes=None):
        self.name = name
        self.command_line = command
        self.modes = modes or self.modes
        self.events = []
        self.roster = {}
        self.changed = threading.Condition()
        self.process = None
        self.jid = None

    # -- starting and stopping

    def start(self, port, mode, jid, password, ca_file):
        self.jid = jid
        self.events.clear()
        self.roster.clear()
        self.process = subprocess.Popen(
            [*self.command_line, str(port), mode, jid, password, str(ca_file)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=dict(os.environ, NODE_EXTRA_CA_CERTS=str(ca_file)))
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()

    def _read(self, process):
        for line in process.stdout:
            if process is self.process:  # not one that was killed, while the next already runs
                self.happened(line.rstrip("\n").split("\t"))
        if process is self.process:
            self.happened(["ended"])

    def kill(self):
        """As when the machine dies: no unavailable presence, no end of the stream."""
        if self.process is not None:
            process, self.process = self.process, None
            process.kill()
            process.wait()

    def quit(self):
        self.tell("quit")
        self.wait("the end of the program", lambda: ["ended"] in self.events)
        self.kill()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    # -- what is said both ways

    def tell(self, *words):
        try:
            self.process.stdin.write("\t".join(words) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Failure(f"{self.name} died; it had said {self.events}") from None

    def happened(self, event):
        with self.changed:
            self.events.append(event)
            if event[0] == "item":
                if event[2] == "remove":
                    self.roster.pop(event[1], None)
                else:
                    self.roster[event[1]] = event[2]
            self.changed.notify_all()

    def wait(self, what, is_so):
        deadline = time.monotonic() + PATIENCE
        with self.changed:
            while not is_so():
                left = deadline - time.monotonic()
                if left <= 0 or ["ended"] in self.events:
                    raise Failure(f"{self.name} ({self.jid}) waited for {what}; it saw "
                                  f"{self.events}, roster {self.roster}")
                self.changed.wait(left)

    def expect(self, *words):
        """Waits for the next event that begins so, and takes it away. Addresses may be bare."""

        def fits(event):
            if len(event) < len(words):
                return False
            return all(got == want or (place == 1 and got.split("/")[0] == want)
                       for place, (got, want) in enumerate(zip(event, words)))

        found = []

        def is_there():
            found[:] = [event for event in self.events if fits(event)][:1]
            return bool(found)

        self.wait(" ".join(words), is_there)
        with self.changed:
            self.events.remove(found[0])
        return found[0]

    def forget(self, word):
        """Drops the events of that kind that nobody asked about: what follows is news."""
        with self.changed:
            self.events[:] = [event for event in self.events if event[0] != word]

    def expect_roster(self, jid, subscription):
        self.wait(f"roster item {jid} {subscription}",
                  lambda: self.roster.get(jid) == subscription)

    def messages(self):
        with self.changed:
            return [event[2] for event in self.events if event[0] == "message"]


def make(name, build):
    """The client of that name, or None with why it can't be had."""
    programs = pathlib.Path(build) / "interop"
    if name == "profanity":
        from profanity import Profanity
        return Profanity()
    if name == "slixmpp":
        return Client(name, ["/usr/bin/python3", str(HERE / "slixmpp_client.py")])
    if name == "nbxmpp":
        return Client(name, ["/usr/bin/python3", str(HERE / "nbxmpp_client.py")])
    if name == "libstrophe":
        return Client(name, [str(programs / "strophe_client")])
    if name == "purple":
        return Client(name, [str(programs / "purple_client")])
    if name == "xmppjs":
        return Client(name, ["node", str(HERE / "xmppjs" / "client.mjs")])
    if name == "groupchat":
        return Client(name, ["/usr/bin/python3", str(HERE / "groupchat_client.py")], ("plain",))
    if name == "jabberlib":
        return Client(name, ["tclsh", str(HERE / "jabberlib_client.tcl")], ("plain",))
    if name == "netjabber":
        return Client(name, ["perl", str(HERE / "netjabber_client.pl")], ("plain",))
    if name == "iksemel":
        return Client(name, [str(programs / "iksemel_client")], ("plain",))
    raise KeyError(name)
