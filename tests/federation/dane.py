# SPDX-License-Identifier: MIT
"""dane.py - certificates that the DNS tells of (RFC 7673), with a Prosody whose own certificate
nobody vouches for, and zones that are signed, or not, or wrongly.
"""

import json

import servers
from client import Client, condition
from world import DANE_ZONES, DOMAINS

PROGRAM = "prosody"
NAMES = [f"{name}.{zone}" for zone, names in DANE_ZONES.items() for name in names]


class Stage:
    def __init__(self, world, build):
        self.ours = servers.Recado(world, build, s2s=f'''
            trust_anchor = "{world.anchors}"; dns_server = "127.0.0.1";''')
        self.theirs = servers.Prosody(world, build, domain="good.dane.example",
                                      has_good_certificate=False,
                                      hosts=[*NAMES[1:], "unsigned.example"])
        self.logs = [self.ours, self.theirs]

    def start(self):
        self.ours.start()
        self.theirs.start()
        self.anna = Client(self.ours, "anna")
        self.bert = Client(self.theirs, "bert")
        self.bert.presence()

    def close(self):
        pass

    def refused(self, domain, why):
        """A message there comes back, and the operator learns why."""
        number = self.anna.message(f"bert@{domain}", "is it you?")
        assert condition(self.anna.wait_error(number)) == "remote-server-not-found"
        self.not_called(domain, why)

    def not_called(self, domain, why):
        done = self.ours.control("check", domain)
        assert done.returncode == 1 and why in done.stdout, done


def named_by_key(stage):
    """One record of several is of its key: as good as an authority's word, and better than names."""
    stage.anna.message(stage.bert.bare, "it is you")
    stage.bert.wait_body("it is you")
    rows = [json.loads(line) for line in
            stage.ours.control("s2s", "list", stage.theirs.domain, "--json").stdout.splitlines()]
    assert any(r["direction"] == "out" and r["by"] == "dane" for r in rows), rows


def named_as_issuer(stage):
    """A record of who issued it, who is itself; and then names count, which are not these."""
    stage.refused("issued.dane.example", "(DANE)")


def another_key(stage):
    stage.refused("wrong.dane.example", "(DANE)")


def records_of_no_use(stage):
    """Of kinds that nobody knows: then the certificate has to be good as ever, and is not."""
    stage.refused("strange.dane.example", "certificate is not good")


def changed_on_the_way(stage):
    """DNSSEC finds out, and nobody is called: a message waits for a better answer."""
    stage.not_called("bogus.bogus.example", "cannot look up")


def unsigned(stage):
    """The right record, in a zone that nobody has signed: it counts for nothing."""
    stage.refused("unsigned.example", "certificate is not good")


CASES = [named_by_key, named_as_issuer, another_key, records_of_no_use, changed_on_the_way, unsigned]
