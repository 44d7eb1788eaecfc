# SPDX-License-Identifier: MIT
"""script.py - reads a script: its header, its steps, and who needs an account (README.md)."""

import pathlib
import re

import trees

HERE = pathlib.Path(__file__).resolve().parent

ACTOR = re.compile(r"(raw [\w.-]+|[^\s/<>]+/\S+) (.*)", re.DOTALL)
HEADER = re.compile(r"(host(?: [\w.-]+)?|component [\w.-]+|listener|server|accounts|roster of \S+): *(.*)",
                    re.DOTALL)
REPEAT = re.compile(r"repeat (\d+) (.*)", re.DOTALL)
ERROR = re.compile(r"\{(stream-)?error:([a-z]+ )?([a-z-]+)\}")
INCLUDE = re.compile(r"^include (\w+)$", re.MULTILINE)
LET = re.compile(r"let (\w+)\(([\w|]*)\) = (.*)", re.DOTALL)
CALL = re.compile(r"\$(\w+)\(([^()$]*)\)")
TIMES = re.compile(r"\{times:(\d+):([^{}]*)\}")


class Step:
    def __init__(self, line, text):
        self.line, self.text = line, text


class Script:
    """What a file says. Accounts and hosts in its own words."""

    def __init__(self, name, text):
        self.name = name
        self.hosts = {"example.com": []}  # settings of each
        self.server = []  # settings that concern the whole server
        self.listener = []  # and those of its port for clients
        self.components = {}  # settings of each, by its domain
        self.rosters = {}  # items as they are stored, by account
        self.accounts, self.steps = [], []
        while INCLUDE.search(text):
            text = INCLUDE.sub(lambda match: (HERE / f"{match.group(1)}.inc").read_text(), text)
        for number, line in enumerate(text.split("\n"), 1):
            if line[:1].isspace() and line.strip() and self.steps:
                self.steps[-1].text += "\n" + line.strip()
            elif line.strip() and not line.startswith("#"):
                self.steps.append(Step(number, line.rstrip()))
        self.lets = {}  # words and text by name
        self.steps = [step for step in self.steps if not self._take_let(step.text)]
        for step in self.steps:
            step.text = self._call(step)
        self.steps = [step for step in self.steps if not self._take_header(step.text)]
        for step in self.steps:
            match = ACTOR.match(REPEAT.sub(r"\2", step.text))
            if match and not match.group(1).startswith("raw "):
                self._add_account(account_of(match.group(1)))
            elif match and match.group(2).startswith("logs in as "):
                self._add_account(account_of(match.group(2)[11:]))
            for address in re.findall(r"[\w.-]+@example\.net", step.text):
                self.hosts.setdefault(address.partition("@")[2], [])
        # What cannot be had twice, or stops the others.
        self.is_alone = bool(self.server or self.listener) or any(
            step.text.startswith(("restart", "crash", "drop host ")) for step in self.steps)

    def play(self, _play):
        """What it does besides its lines."""

    def _add_account(self, address):
        if address not in self.accounts:
            self.accounts.append(address)
        self.hosts.setdefault(address.partition("@")[2], [])

    def _take_let(self, text):
        match = LET.match(text)
        if match is not None:
            name, words, value = match.groups()
            self.lets[name] = ([word for word in words.split("|") if word], value)
        return match is not None

    def _call(self, step):
        """Its text, with what `let` names written out, from the inside out."""
        text = step.text

        def one(match):
            words, value = self.lets[match.group(1)]
            given = match.group(2).split("|") if words else []
            if len(given) != len(words):
                raise ValueError(f"{self.name}, line {step.line}: {match.group(0)}: "
                                 f"{len(words)} words wanted")
            for word, replacement in zip(words, given):
                value = re.sub(rf"\${word}\b(?!\()", lambda _: replacement.strip(), value)
            return value
        while CALL.search(text):
            text = CALL.sub(one, text)
        return text

    def _take_header(self, text):
        match = HEADER.match(text)
        if match is None:
            return False
        word, value = match.groups()
        if word == "server":
            self.server.append(value)
        elif word == "listener":
            self.listener.append(value)
        elif word == "accounts":
            for name in value.split():
                self._add_account(account_of(name))
        elif word.startswith("component "):
            self.components.setdefault(word[10:], []).append(value)
        elif word.startswith("roster of "):
            self._add_account(account_of(word[10:]))
            self.rosters.setdefault(account_of(word[10:]), []).append(value)
        else:
            self.hosts.setdefault(word[5:] or "example.com", []).append(value)
        return True


def account_of(actor):
    bare = actor.partition("/")[0]
    return bare if "@" in bare else f"{bare}@example.com"


def expand(text):
    """What is long when written out: {error:cancel conflict}, {stream-error:conflict}, {times:9:a}."""
    def one(match):
        is_stream, kind, condition = match.groups()
        if is_stream:
            return f"<stream:error><{condition} xmlns='{trees.NS_STREAMS}'/></stream:error>"
        return f"<error type='{kind.strip()}'><{condition} xmlns='{trees.NS_STANZAS}'/></error>"
    text = TIMES.sub(lambda match: "".join(match.group(2).replace("#", str(n))
                                           for n in range(int(match.group(1)))), text)
    return ERROR.sub(one, text)
