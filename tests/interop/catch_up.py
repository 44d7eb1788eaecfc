#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""catch_up.py - slixmpp loses its connection and resumes (XEP-0198), is killed, stays away, and catches up from the
archive (XEP-0313): every message once, and in order.

What it has is in a file, as on a phone: a line for each message, with its id in the archive. The file is all that
outlives the program. Prints each thing that it checked; exits 0, 1 at the first that failed, or 77.
"""

import asyncio
import logging
import os
import pathlib
import signal
import subprocess
import sys
import time

try:
    import slixmpp
    from slixmpp.exceptions import IqError
except ImportError:
    print("slixmpp is not there")
    sys.exit(77)

HOST, PATIENCE = "localhost", 30
GONE = 6  # seconds: longer than a session of the server that is tested waits to be resumed
STARTED = time.monotonic()


def env(name):
    return os.environ["RECADO_INTEROP_" + name]


def checked(what):
    print(f"  ok at {time.monotonic() - STARTED:4.1f} s: {what}", flush=True)


class Client(slixmpp.ClientXMPP):
    def __init__(self, user, resource, plugins):
        super().__init__(f"{user}@{HOST}/{resource}", env("PASSWORD"))
        self.ca_certs = env("CA_FILE")
        for plugin in plugins:
            self.register_plugin(plugin)

    def begin(self):
        self.connect(("127.0.0.1", int(env("PORT"))))


class Phone(Client):
    def __init__(self, path):
        super().__init__(env("SECOND"), "phone", ("xep_0198", "xep_0059", "xep_0313"))
        self.file = open(path, "a+", buffering=1)
        self.add_event_handler("session_start", self.on_start)
        self.add_event_handler("session_resumed", lambda _: print("resumed", flush=True))
        self.add_event_handler("disconnected", lambda _: self.begin())
        self.add_event_handler("message", self.on_message)

    def keep(self, how, archive_id, body):
        print(how, archive_id, body, file=self.file)
        os.fsync(self.file.fileno())

    def last_id(self):
        self.file.seek(0)
        lines = self.file.read().splitlines()
        return lines[-1].split()[1] if lines else None

    def on_message(self, message):
        own = message.xml.findall("{urn:xmpp:sid:0}stanza-id")
        if message["body"]:
            self.keep("live", own[0].get("id"), message["body"])

    async def read_archive(self):
        while True:
            last = self.last_id()
            answer = await self.plugin["xep_0313"].retrieve(
                self.boundjid.bare, rsm={"max": 2, "after": last} if last else {"max": 2})
            for result in answer["mam"]["results"]:
                stored = result["mam_result"]
                self.keep("archive", stored["id"], stored["forwarded"]["stanza"]["body"])
            fin = answer.xml.find("{urn:xmpp:mam:2}fin")
            if fin.get("complete") == "true":
                return

    async def on_start(self, _):
        await self.get_roster()
        await self.read_archive()
        self.send_presence()
        print("online", flush=True)


def be_phone(path):
    logging.basicConfig(level=logging.WARNING)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    phone = Phone(path)
    loop.add_signal_handler(signal.SIGUSR1, phone.abort)
    phone.begin()
    loop.run_forever()


class Process:
    """The phone's program; its file is what it has."""

    def __init__(self, path):
        self.path, self.process = path, None

    async def says(self, word):
        line = await asyncio.wait_for(
            asyncio.get_event_loop().run_in_executor(None, self.process.stdout.readline), PATIENCE)
        if line.strip() != word:
            raise RuntimeError(f"the phone says {line!r}, not {word!r}")

    async def start(self):
        self.process = subprocess.Popen([sys.executable, __file__, str(self.path)],
                                        stdout=subprocess.PIPE, text=True)
        await self.says("online")

    def loses_connection(self):
        self.process.send_signal(signal.SIGUSR1)

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def lines(self):
        return self.path.read_text().splitlines() if self.path.exists() else []

    async def has(self, count):
        """All of the first COUNT messages, each once and in order."""
        end = time.monotonic() + PATIENCE
        while len(self.lines()) < count and time.monotonic() < end:
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)  # for what should not come
        lines = [line.split() for line in self.lines()]
        if [body for _, _, body in lines] != [str(n + 1) for n in range(count)]:
            raise RuntimeError(f"the phone has {lines}, not 1 to {count}")
        if len({archive_id for _, archive_id, _ in lines}) != count:
            raise RuntimeError(f"ids are used twice: {lines}")
        return [how for how, _, _ in lines]


class Friend(Client):
    def __init__(self):
        super().__init__(env("FIRST"), "desk", ())
        self.sent = 0
        self.ready = asyncio.get_event_loop().create_future()
        self.add_event_handler("session_start", self.on_start)

    async def on_start(self, _):
        await self.get_roster()
        self.send_presence()
        self.ready.set_result(None)

    def write(self, count):
        for _ in range(count):
            self.sent += 1
            self.send_message(f"{env('SECOND')}@{HOST}", str(self.sent), mtype="chat")


async def story(phone):
    friend = Friend()
    friend.begin()
    await asyncio.wait_for(friend.ready, PATIENCE)
    await phone.start()
    friend.write(3)
    await phone.has(3)
    checked("three messages, live")

    phone.loses_connection()
    friend.write(3)
    await phone.says("resumed")
    await phone.has(6)
    checked("the connection is lost and the session resumed: three more, once (XEP-0198)")

    friend.write(3)
    phone.kill()
    friend.write(3)
    await phone.start()
    ways = await phone.has(12)
    checked(f"killed while messages come and back at once: all of them, {ways.count('archive')} from the archive")
    friend.write(1)
    await phone.has(13)

    phone.kill()
    friend.write(3)
    await asyncio.sleep(GONE)
    friend.write(4)
    await asyncio.sleep(0.2)
    await phone.start()
    ways = await phone.has(20)
    if ways[13:] != ["archive"] * 7:
        raise RuntimeError(f"they came as {ways}")
    checked("killed and away until the session has ended: seven from the archive, none again as offline messages")
    friend.write(1)
    await phone.has(21)
    checked("and the next one is live")
    await friend.disconnect()


def main():
    print("slixmpp catches up")
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    phone = Process(pathlib.Path(os.environ["HOME"]) / "phone")
    try:
        loop.run_until_complete(asyncio.wait_for(story(phone), 100))
    except (RuntimeError, OSError, IqError, asyncio.TimeoutError) as error:
        print(f"FAILED: {type(error).__name__} {error}")
        return 1
    finally:
        phone.kill()
    return 0


if __name__ == "__main__":
    sys.exit(be_phone(sys.argv[1]) if len(sys.argv) > 1 else main())
