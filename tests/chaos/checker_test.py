# SPDX-License-Identifier: MIT
"""checker_test.py - books that agree, and the same with one thing wrong: each must be found."""

import os
import tempfile

import checker

# Two people; the second has two devices. Three messages one way, of which the last two came while
# device b was away, one was sent again, and one the other way.
SENT = {
    "user0.a.sent": "S user0-user1 1\nA user0-user1 1\nS user0-user1 2\nS user0-user1 3\n"
                    "R user0-user1 2\nA user0-user1 2\nA user0-user1 3\n",
    "user1.a.sent": "S user1-user0 1\nA user1-user0 1\n",
}
RECEIVED = {
    "user0.a.received": "bound\nbegin\nend\n+ live user1-user0 1 z1\n",
    "user1.a.received": "bound\nbegin\nend\n+ live user0-user1 1 x1\nresumed\n"
                        "+ resumed user0-user1 2 x2\n+ live user0-user1 3 x3\n",
    "user1.b.received": "bound\nbegin\nend\n+ carbon user0-user1 1 x1\nfailed\nbound\nbegin\n"
                        "+ offline user0-user1 2 x2\n+ offline user0-user1 3 x3\n"
                        "+ mam user0-user1 2 x2\n+ mam user0-user1 3 x3\nend\n",
}


def archive(*entries):
    return "".join(f"{direction} {entry}\n" for direction in ("forward", "backward")
                   for entry in entries)


ARCHIVES = {
    "user0.archive": archive("y1 user0-user1 1", "y2 user0-user1 2", "z1 user1-user0 1",
                             "y3 user0-user1 3"),
    "user1.archive": archive("x1 user0-user1 1", "x2 user0-user1 2", "w1 user1-user0 1",
                             "x3 user0-user1 3"),
}
STREAMS = {"streams": "user0-user1 user1.a user1.b\nuser1-user0 user0.a\n"}
GOOD = {**SENT, **RECEIVED, **ARCHIVES, **STREAMS}

# What is wrong: file, text, what stands there instead; and what the checker must count.
BAD = [
    ("nobody has the third", {"lost": 1, "unseen": 2, "not archived": 1},
     ("user1.a.received", "+ live user0-user1 3 x3\n", ""),
     ("user1.b.received", "+ offline user0-user1 3 x3\n", ""),
     ("user1.b.received", "+ mam user0-user1 3 x3\n", ""),
     ("user1.archive", "x3 user0-user1 3", "x3 other 0")),
    ("a device never gets the third", {"unseen": 1},
     ("user1.a.received", "+ live user0-user1 3 x3\n", "")),
    ("the sender's archive forgets", {"own missing": 1},
     ("user0.archive", "y2 user0-user1 2", "y2 other 0")),
    ("the recipient's archive forgets", {"not archived": 1},
     ("user1.archive", "x2 user0-user1 2", "x2 other 0")),
    ("the one that was sent again is kept twice", {"archive doubles": 1, "other ids": 1},
     ("user1.archive", ARCHIVES["user1.archive"], archive(
         "x1 user0-user1 1", "x2 user0-user1 2", "w1 user1-user0 1", "x4 user0-user1 2",
         "x3 user0-user1 3"))),
    ("an archive is out of order", {"archive inversions": 1},
     ("user0.archive", "y1 user0-user1 1", "y1 user0-user1 2"),
     ("user0.archive", "y2 user0-user1 2", "y2 user0-user1 1")),
    ("the same comes twice in one session", {"doubles": 1},
     ("user1.a.received", "+ live user0-user1 3 x3\n",
      "+ live user0-user1 3 x3\n+ live user0-user1 3 x3\n")),
    ("it is shown twice, with ids that differ", {"doubles": 1, "other ids": 1},
     ("user1.b.received", "+ mam user0-user1 2 x2\n",
      "+ mam user0-user1 2 x2\n+ mam user0-user1 2 x9\n")),
    ("a device sees the third before the second", {"inversions": 1},
     ("user1.a.received", "+ resumed user0-user1 2 x2\n+ live user0-user1 3 x3\n",
      "+ live user0-user1 3 x3\n+ resumed user0-user1 2 x2\n")),
    ("a carbon has another id", {"other ids": 1},
     ("user1.b.received", "+ carbon user0-user1 1 x1", "+ carbon user0-user1 1 x7")),
    ("a page repeats", {"page faults": 2, "archive doubles": 1},
     ("user0.archive", "forward z1 user1-user0 1",
      "forward z1 user1-user0 1\nforward z1 user1-user0 1")),
    ("a page misses one backward", {"page faults": 1},
     ("user1.archive", "backward w1 user1-user0 1\n", "")),
    ("one comes that nobody sent", {"phantoms": 1},
     ("user1.a.received", "+ live user0-user1 3 x3\n",
      "+ live user0-user1 3 x3\n+ live user0-user1 8 x8\n")),
    ("one is refused, and comes all the same", {"half refused": 1},
     ("user0.a.sent", "A user0-user1 3\n", "A user0-user1 3\nB user0-user1 3 full\n")),
    ("a device noticed something", {"faults": 1},
     ("user1.a.received", "resumed\n", "resumed\n! user0-user1-1 was changed\n")),
]


def count(files):
    """What the checker finds in FILES."""
    with tempfile.TemporaryDirectory(prefix="recado-checker-") as directory:
        for name, text in files.items():
            with open(os.path.join(directory, name), "w") as file:
                file.write(text)
        found = {}
        for counts in checker.Round(directory).check().values():
            for what in checker.FAULTS:
                if counts[what]:
                    found[what] = found.get(what, 0) + counts[what]
    return found


def main():
    """Returns how many cases were as they should, and were not."""
    passed = failed = 0
    for title, want, *changes in [("nothing is wrong", {})] + BAD:
        files = dict(GOOD)
        for name, old, new in changes:
            assert old in files[name], (title, old)
            files[name] = files[name].replace(old, new)
        found = count(files)
        if found == want:
            passed += 1
        else:
            failed += 1
            print(f"FAIL checker: {title}: found {found}, not {want}")
    return passed, failed
