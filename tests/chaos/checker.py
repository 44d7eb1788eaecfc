#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""checker.py DIRECTORY - reads what the devices of one round wrote down, and does the accounts.

Acknowledged must be received or in the archive, each once and in order; the archive has one copy
of each, with the id that every other copy carries, and its pages neither miss nor repeat one.
The files are described in device.py; NAME.archive holds `forward|backward id stream seq`, and
`streams` one line for each stream: its name, then the devices that must have seen all of it.
"""

import collections
import os
import sys

# What must be 0, and what it counts. The rest is told, and no fault.
FAULTS = {
    "lost": "acknowledged, and neither received nor in the recipient's archive nor returned",
    "unseen": "acknowledged, and a device of the recipient never got it, not by catching up either",
    "not archived": "acknowledged, and not in the recipient's archive",
    "own missing": "acknowledged, and not in the sender's own archive",
    "archive doubles": "further copies in an archive",
    "archive inversions": "in an archive behind a later one of the same stream",
    "doubles": "seen again by a device under another id, or twice in one session",
    "inversions": "seen by a device behind a later one of the same stream",
    "other ids": "the same message with another archive's id in another copy",
    "page faults": "ids that a page repeats, or that only one direction of paging has",
    "phantoms": "received or archived, and not sent in this round",
    "half refused": "returned to the sender as an error, and nevertheless received or archived",
    "faults": "what devices noticed themselves: changed text, wrong counts, forged carbons",
}
TOLD = ("sent", "acked", "returned", "redelivered")


class Device:
    """What a device saw, in the order in which it could show it to its owner."""

    def __init__(self, path):
        self.shown = collections.defaultdict(list)  # stream -> [(seq, id)]
        self.repeats = 0
        self.faults = []
        self.how = collections.Counter()
        self._read(path)

    def _read(self, path):
        held, is_catching, in_session = [], False, set()
        with open(path) as lines:
            for line in lines:
                words = line.rstrip("\n").split(" ")
                if words[0] == "+":
                    _, how, stream, seq, archive_id = words
                    entry = (stream, int(seq), archive_id)
                    self.how[how] += 1
                    if how != "mam":
                        # One session, resumed or not, brings each message once.
                        self.repeats += entry[:2] in in_session
                        in_session.add(entry[:2])
                    if is_catching and how != "mam":
                        held.append(entry)
                    else:
                        self._show(entry)
                elif words[0] == "begin":
                    is_catching = True
                elif words[0] == "end":
                    is_catching = False
                    for entry in held:
                        self._show(entry)
                    held = []
                elif words[0] == "bound":
                    in_session = set()
                elif words[0] == "!":
                    self.faults.append(line[2:].rstrip())
        for entry in held:
            self._show(entry)

    def _show(self, entry):
        self.shown[entry[0]].append(entry[1:])


class Round:
    def __init__(self, directory):
        self.directory = directory
        self.totals = {}  # stream -> Counter
        self.examples = {}  # (stream, what) -> the first
        self.sent = collections.defaultdict(set)
        self.acked = collections.defaultdict(set)
        self.returned = collections.defaultdict(set)
        self.devices, self.archives = {}, {}
        for name in sorted(os.listdir(directory)):
            path = os.path.join(directory, name)
            base, _, kind = name.rpartition(".")
            if kind == "sent":
                self._read_sent(path)
            elif kind == "received":
                self.devices[base] = Device(path)
            elif kind == "archive":
                self.archives[base] = self._read_archive(path)
        with open(os.path.join(directory, "streams")) as lines:
            self.observers = {words[0]: words[1:] for words in map(str.split, lines)}

    def _read_sent(self, path):
        sets = {"S": self.sent, "A": self.acked, "B": self.returned}
        with open(path) as lines:
            for line in lines:
                words = line.split()
                if words[0] in sets:
                    sets[words[0]][words[1]].add(int(words[2]))

    @staticmethod
    def _read_archive(path):
        read = {"forward": [], "backward": []}
        with open(path) as lines:
            for direction, archive_id, stream, seq in map(str.split, lines):
                read[direction].append((archive_id, stream, int(seq)))
        return read

    def _note(self, stream, what, count, example=""):
        if count:
            self.totals[stream][what] += count
            if what in FAULTS:
                self.examples.setdefault((stream, what), example)

    @property
    def details(self):
        """Of each kind of fault one line for each stream."""
        return [f"{stream}: {self.totals[stream][what]} {what}, such as {example}"
                for (stream, what), example in self.examples.items()]

    def check(self):
        for stream in sorted(set(self.observers) | set(self.sent)):
            self.totals[stream] = collections.Counter(
                sent=len(self.sent[stream]), acked=len(self.acked[stream]),
                returned=len(self.returned[stream]))
            self._check_stream(stream)
        for name, archive in self.archives.items():
            self._check_pages(name, archive)
        for name, device in self.devices.items():
            stream = next((s for s, o in self.observers.items() if name in o), None)
            if stream is None:
                stream = next(s for s in self.totals if s.startswith(name.split(".")[0]))
            self._note(stream, "doubles", device.repeats, f"in one session of {name}")
            self._note(stream, "faults", len(device.faults), f"{name}: {device.faults[:2]}")
        return self.totals

    def _check_stream(self, stream):
        sender, recipient = stream.split("-")
        acked = self.acked[stream] - self.returned[stream]
        ids = collections.defaultdict(set)  # seq -> ids of the recipient's archive
        archived = self._check_archive(stream, recipient, acked, ids)
        own = self._check_archive(stream, sender, acked, collections.defaultdict(set))
        if sender not in self.archives:
            own = acked
        received = set()
        for name in self.observers.get(stream, ()):
            is_own = name.startswith(sender + ".")  # it cannot have what was not kept
            seen = self._check_device(stream, name, acked & own if is_own else acked,
                                      ids if name.startswith(recipient + ".") else None)
            if name.startswith(recipient + "."):
                received |= seen
        lost = acked - received - archived
        self._note(stream, "lost", len(lost), f"{sorted(lost)[:5]}")
        other = [seq for seq, known in ids.items() if len(known - {"-"}) > 1]
        self._note(stream, "other ids", len(other),
                   f"{[(seq, sorted(ids[seq])) for seq in other[:2]]}")
        half = self.returned[stream] & (received | archived)
        self._note(stream, "half refused", len(half), f"{sorted(half)[:5]}")
        phantoms = (received | archived) - self.sent[stream]
        self._note(stream, "phantoms", len(phantoms), f"{sorted(phantoms)[:5]}")

    def _check_archive(self, stream, owner, acked, ids):
        if owner not in self.archives:
            return set()
        seqs = []
        for archive_id, name, seq in self.archives[owner]["forward"]:
            if name == stream:
                seqs.append(seq)
                ids[seq].add(archive_id)
        unique = set(seqs)
        self._note(stream, "archive doubles", len(seqs) - len(unique), f"of {owner}")
        self._note(stream, "archive inversions", inversions(seqs), f"of {owner}")
        missing = acked - unique
        what = "own missing" if stream.startswith(owner + "-") else "not archived"
        self._note(stream, what, len(missing), f"by {owner}: {sorted(missing)[:5]}")
        return unique

    def _check_device(self, stream, name, acked, ids):
        shown = self.devices[name].shown.get(stream, [])
        first = {}
        for seq, archive_id in shown:
            if ids is not None:
                ids[seq].add(archive_id)
            if seq not in first:
                first[seq] = archive_id
            elif archive_id == first[seq] and archive_id != "-":
                self._note(stream, "redelivered", 1)
            else:
                self._note(stream, "doubles", 1, f"{seq} at {name}: {first[seq]}, {archive_id}")
        unseen = acked - set(first)
        self._note(stream, "unseen", len(unseen), f"by {name}: {sorted(unseen)[:5]}")
        self._note(stream, "inversions", inversions(first), f"at {name}")
        return set(first)

    def _check_pages(self, owner, archive):
        stream = next(s for s in self.totals if owner in s.split("-"))
        forward = [entry[0] for entry in archive["forward"]]
        backward = [entry[0] for entry in archive["backward"]]
        self._note(stream, "page faults", len(forward) - len(set(forward)),
                   f"of {owner}: ids that come again")
        self._note(stream, "page faults", len(set(forward) ^ set(backward)) or
                   int(forward != backward), f"of {owner}: forward is not backward")


def inversions(seqs):
    """How many stand behind a later one, further copies not counted."""
    count, newest, seen = 0, 0, set()
    for seq in seqs:
        if seq not in seen:
            count += seq < newest
            newest = max(newest, seq)
            seen.add(seq)
    return count


def main():
    found = Round(sys.argv[1])
    total = collections.Counter()
    for stream, counts in found.check().items():
        print(stream, dict(counts))
        total.update(counts)
    for line in found.details:
        print(" ", line)
    return 1 if any(total[what] for what in FAULTS) else 0


if __name__ == "__main__":
    sys.exit(main())
