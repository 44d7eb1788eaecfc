# SPDX-License-Identifier: MIT
"""harness.py - one server, the pairs that use it, and the sum of all rounds: what the programs of
this directory have in common."""

import argparse
import asyncio
import collections
import json
import logging
import os
import random
import shutil
import signal
import sys
import tempfile
import time

import checker
import targets
import wire
import world as worlds

# That a connection is gone, which is what is wanted here, it says as a warning.
logging.getLogger("asyncio").setLevel(logging.ERROR)

DISCO = "http://jabber.org/protocol/disco#info"


def arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("build")
    parser.add_argument("--server", default="recado", choices=targets.ALL)
    parser.add_argument("--kinds", help="only pairs whose class has one of these words in its name")
    parser.add_argument("--window", type=int, default=32, help="unacknowledged, (%(default)s)")
    parser.add_argument("--rate", type=float, default=200, help="messages/s of each sender")
    parser.add_argument("--tls", choices=("none", "half", "all"), default="half",
                        help="who uses direct TLS (%(default)s of the pairs)")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--keep", metavar="DIRECTORY", help="leave the books there")
    parser.add_argument("--trace", action="store_true", help="with all that devices receive")
    parser.add_argument("--report", metavar="FILE", help="write all counts there, as JSON")
    return parser


class Harness:
    def __init__(self, options, directory):
        self.options, self.directory = options, directory
        self.random = random.Random(options.seed)
        self.kinds = [k for k in worlds.KINDS if not options.kinds or any(
            word in k.__name__.lower() for word in options.kinds.split(","))]
        self.target = targets.ALL[options.server](
            directory, targets.servers.make_certificate(directory), 2 * len(self.kinds),
            os.path.abspath(options.build))
        self.totals = collections.defaultdict(collections.Counter)  # kind -> counts
        self.ends = collections.Counter()  # how lives of the server ended
        self.troubles, self.details, self.skipped = [], [], []
        self.tolerated = set()  # kinds of fault that are only told
        self.restart_s = []
        self.began = time.monotonic()

    def say(self, text):
        print(f"{time.monotonic() - self.began:6.1f} s  {text}", file=sys.stderr, flush=True)

    async def open(self):
        """Starts the server and all devices. Returns what the server lacks."""
        self.target.start()
        self.world = worlds.World("localhost", self.target.plain_port, self.target.tls_port,
                                  targets.servers.PASSWORD, self.random.random())
        self.world.is_traced = self.options.trace
        missing = await self.missing_features()
        if "stream management (XEP-0198)" in missing:
            return missing
        if missing:
            self.do_without(missing)
        with_tls = {"none": 0, "half": 2, "all": 1}[self.options.tls]
        pairs = [kind(self.world, 2 * i, bool(with_tls) and i % with_tls == 0)
                 for i, kind in enumerate(self.kinds)]
        self.rounds = worlds.Rounds(self.world, pairs, self.directory)
        self.world.is_up.set()
        self.rounds.start()
        return []

    def do_without(self, missing):
        """Only those pairs that can do without; what is not checked is told."""
        self.world.has_archive = self.world.has_carbons = False
        self.kinds = [kind for kind in self.kinds if len(kind.receivers) == 1]
        self.skipped = [f"the server has not yet: {', '.join(missing)}"]

    async def connect(self, user):
        return await self.world.connect(user, False)

    async def missing_features(self):
        """What the server does not offer yet, without which there is nothing to check."""
        stream, features = await self.connect("user0")
        missing = []
        if features.find(f"{{{wire.SM}}}sm") is None:
            missing.append("stream management (XEP-0198)")
        stream.write("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
        await stream.next("iq")
        for to, feature, title in (("user0@localhost", "urn:xmpp:mam:2", "the archive (XEP-0313)"),
                                   ("localhost", "urn:xmpp:carbons:2", "carbons (XEP-0280)")):
            stream.write(f"<iq type='get' id='d' to='{to}'><query xmlns='{DISCO}'/></iq>")
            answer = await stream.next("iq")
            if feature not in {e.get("var") for e in answer.iter(f"{{{DISCO}}}feature")}:
                missing.append(title)
        stream.abort()
        return missing

    def begin_round(self):
        self.rounds.begin(self.options.window, self.options.rate)

    async def settle(self, patience=60):
        """Ends a round, and adds its books to the totals."""
        why = await self.rounds.settle(patience)
        if why is not None:
            self.troubles.append(f"{why}\n" + "\n".join(self.world.notes))
        found = checker.Round(self.rounds.folder)
        for stream, counts in found.check().items():
            number = int(stream.split("-")[0][4:])
            self.totals[self.kinds[number // 2]].update(counts)
        self.details += found.details
        counts = self.sum()
        self.say(f"round {self.rounds.number}: {sum(self.ends.values())} kills, "
                 f"{counts['acked']} acknowledged, {counts['returned']} returned, "
                 + (", ".join(f"{counts[w]} {w}" for w in checker.FAULTS if counts[w]) or
                    "books agree"))
        if not self.options.keep and not found.details:
            shutil.rmtree(self.rounds.folder)

    def sum(self):
        return sum(self.totals.values(), collections.Counter())

    def note_end(self, ended):
        """How the server had ended before it was killed: not at all, if it is a good one."""
        if ended is None:
            self.ends["at random"] += 1
        elif self.target.crash_point and ended == -signal.SIGKILL:
            self.ends["at " + self.target.crash_point.split(":")[0]] += 1
        else:
            self.troubles.append(f"the server ended by itself with {ended}:\n{self.target.log()}")

    async def restart(self):
        """Starts until it accepts connections; a crash point may be before that."""
        began = time.monotonic()
        self.target.begin()
        while not self.target.accepts():
            if self.target.process.poll() is not None:
                self.note_end(self.target.kill())
                if self.troubles:
                    break
                self.target.crash_point = None
                began = time.monotonic()
                self.target.begin()
            if time.monotonic() - began > 60:
                self.troubles.append(f"does not start again:\n{self.target.log()}")
                break
            await asyncio.sleep(0.005)
        self.restart_s.append(time.monotonic() - began)
        self.world.is_up.set()

    def print_report(self):
        """Returns how many kinds of fault there were not, and were, for each kind of pair."""
        passed = failed = 0
        for kind, counts in self.totals.items():
            print(f"{kind.title}: " + ", ".join(f"{counts[w]} {w}" for w in checker.TOLD))
            for what, meaning in checker.FAULTS.items():
                if counts[what]:
                    print(f"  {counts[what]} {what}: {meaning}")
                failed += counts[what] > 0 and what not in self.tolerated
                passed += counts[what] == 0
            if not counts["acked"]:
                print("  nothing was acknowledged at all")
                failed += 1
        for line in self.details[:40]:
            print(f"  {line}")
        for trouble in self.troubles:
            print(trouble)
            failed += 1
        devices = sum((d.counts for d in self.rounds.devices), collections.Counter())
        print("kills: " + ", ".join(f"{n} {how}" for how, n in sorted(self.ends.items())))
        print("sessions: " + ", ".join(f"{n} {what}" for what, n in sorted(devices.items())))
        restarts = sorted(self.restart_s) or [0]
        print(f"start to first connection: {restarts[len(restarts) // 2] * 1000:.0f} ms median, "
              f"{restarts[-1] * 1000:.0f} ms at most; {time.monotonic() - self.began:.0f} s in all")
        if self.options.report:
            with open(self.options.report, "w") as file:
                json.dump({"counts": self.sum(), "kills": sum(self.ends.values()),
                           "sessions": devices, "version": self.target.version(),
                           "label": self.target.label, "troubles": self.troubles}, file)
        for why in self.skipped:
            print(f"SKIP {why}")
        return passed, failed


def run(kind, options):
    """The main program: KIND is a Harness with a coroutine live(). Returns the exit status."""
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {options.seed}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    directory = tempfile.mkdtemp(prefix="recado-chaos-")
    harness = kind(options, directory)

    async def whole():
        missing = await harness.open()
        if not missing:
            await harness.live()
            await harness.rounds.stop()
        return missing

    try:
        missing = asyncio.run(whole())
        if missing:
            is_ours = options.server == "recado"
            print(f"{'FAIL' if is_ours else 'SKIP'} {options.server} lacks {', '.join(missing)}")
            print(f"0 passed, {is_ours:d} failed, {not is_ours:d} skipped")
            return 1 if is_ours else 0
        passed, failed = harness.print_report()
        if options.keep:
            for name in os.listdir(directory):
                if name.startswith("round-"):
                    shutil.copytree(os.path.join(directory, name),
                                    os.path.join(options.keep, name), dirs_exist_ok=True)
        print(f"{passed} passed, {failed} failed, {len(harness.skipped)} skipped")
        return 1 if failed else 0
    finally:
        if harness.target.process is not None:
            harness.target.kill()
        shutil.rmtree(directory, ignore_errors=True)
