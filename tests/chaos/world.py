# SPDX-License-Identifier: MIT
"""world.py - pairs of accounts that live through chaos, each in its own way, and their rounds.

A round is a time of chaos and then one of peace, in which all that was sent is acknowledged and
every device catches up; then the books are closed and checker.py reads them.
"""

import asyncio
import collections
import os
import random

import wire
from device import Device, Sending


class World:
    """What all devices share."""

    def __init__(self, host, plain_port, tls_port, password, seed):
        self.host, self.ports = host, {False: plain_port, True: tls_port}
        self.context = wire.insecure_context()
        self.keys = wire.Keys(password)
        self.random = random.Random(seed)
        self.is_up = asyncio.Event()
        self.is_traced = False
        self.has_archive = self.has_carbons = True
        self.keeps_sessions = False  # all that were enabled, from a server that was killed, too
        self.notes = collections.deque(maxlen=30)

    async def connect(self, user, with_tls):
        return await wire.connect(("127.0.0.1", self.ports[with_tls]), user, self.keys, self.host,
                                  self.context if with_tls else None)

    def note(self, name, what):
        self.notes.append(f"{name}: {what}")


async def end_tasks(tasks):
    """Cancels them until they are done: asyncio.wait_for can swallow a cancellation."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        done, pending = await asyncio.wait(pending, timeout=0.5)
        for task in done:
            if not task.cancelled() and task.exception() is not None:
                raise task.exception()


class Pair:
    """Two accounts that write to each other. What else happens to them is up to the kind."""

    title = "both online"
    receivers = ("a",)  # devices of the second account
    senders = ("a",)    # and of the first

    def __init__(self, world, first, with_tls=False):
        self.world = world
        users = [f"user{first}", f"user{first + 1}"]
        self.devices = [[Device(world, user, name, len(names) > 1, with_tls) for name in names]
                        for user, names in zip(users, (self.senders, self.receivers))]
        names = ("",) if len(self.receivers) == 1 else ("", self.receivers[0])
        self.sendings = [Sending(users[0], users[1], names), Sending(users[1], users[0])]
        self._tasks = []

    @property
    def all_devices(self):
        return [device for devices in self.devices for device in devices]

    def observers(self):
        """Stream -> names of the devices that must see all of it."""
        for i, sending in enumerate(self.sendings):
            own = self.devices[i][1:]
            yield sending.name, [d.name for d in self.devices[1 - i] + own]

    def begin(self, window, rate):
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(devices[0].talk(sending, window, rate))
                       for devices, sending in zip(self.devices, self.sendings)]
        self._tasks.append(loop.create_task(self.live()))

    async def end(self):
        await end_tasks(self._tasks)
        for device in self.all_devices:
            device.is_away = False

    async def live(self):
        """What this kind of pair goes through."""

    async def pause(self, low, high):
        await asyncio.sleep(self.world.random.uniform(low, high))


class OnlinePair(Pair):
    pass


class OfflinePair(Pair):
    title = "the recipient goes offline and returns"

    async def live(self):
        device = self.devices[1][0]
        while True:
            await self.pause(0.1, 1.5)
            if self.world.random.random() < 0.7:
                await device.leave()
            else:
                device.is_away = True
                device.cut(forgets=True)
            await self.pause(0.1, 1.0)
            device.is_away = False


class CarbonsPair(Pair):
    title = "two devices each, with carbons"
    receivers = ("a", "b")
    senders = ("a", "b")


class CutPair(Pair):
    title = "connections are cut and resumed"

    async def live(self):
        while True:
            await self.pause(0.02, 0.7)
            self.world.random.choice(self.all_devices).cut()


class ForgetfulPair(Pair):
    title = "sessions are cut that cannot be resumed; sent again under the same id"

    async def live(self):
        while True:
            await self.pause(0.1, 0.9)
            self.world.random.choice(self.all_devices).cut(forgets=True)


class RestlessPair(Pair):
    title = "two devices, cut, forgetful and offline in turn"
    receivers = ("a", "b")

    async def live(self):
        while True:
            await self.pause(0.05, 0.8)
            device = self.world.random.choice(self.all_devices)
            what = self.world.random.random()
            if what < 0.5:
                device.cut()
            elif what < 0.8 or device is self.devices[0][0]:
                device.cut(forgets=True)
            else:
                await device.leave()
                await self.pause(0.1, 0.5)
                device.is_away = False


KINDS = (OnlinePair, OfflinePair, CarbonsPair, CutPair, ForgetfulPair, RestlessPair)


class Rounds:
    """Begins and settles rounds, and keeps their books in folders of DIRECTORY."""

    def __init__(self, world, pairs, directory):
        self.world, self.pairs, self.directory = world, pairs, directory
        self.devices = [device for pair in pairs for device in pair.all_devices]
        self.number = 0
        self.archived_to = {}  # account -> last id that was checked
        self._nudging = None

    def start(self):
        for device in self.devices:
            device.start()
        self._nudging = asyncio.get_running_loop().create_task(self._nudge())

    async def stop(self):
        await end_tasks([self._nudging])
        for device in self.devices:
            await end_tasks([device.stop()])

    async def _nudge(self):
        while True:
            await asyncio.sleep(1)
            for device in self.devices:
                device.nudge()

    def begin(self, window, rate):
        self.number += 1
        self.folder = os.path.join(self.directory, f"round-{self.number}")
        os.makedirs(self.folder)
        for device in self.devices:
            device.open_logs(self.folder)
        with open(os.path.join(self.folder, "streams"), "w") as file:
            for pair in self.pairs:
                for name, observers in pair.observers():
                    print(name, *observers, file=file)
        for pair in self.pairs:
            pair.begin(window, rate)

    async def settle(self, patience):
        """Peace: returns None when the books are closed, or why they could not be."""
        for pair in self.pairs:
            await pair.end()
        why = await self._until_quiet(patience)
        if why is None:
            try:
                await asyncio.wait_for(self._look_at_archives(), patience)
            except (asyncio.TimeoutError, wire.Lost) as error:
                why = f"the archives cannot be read: {error!r}"
        for device in self.devices:
            await device.close_logs()
        return why

    async def _until_quiet(self, patience):
        deadline = asyncio.get_running_loop().time() + patience
        while True:
            waiting = [d.name for d in self.devices
                       if not (d.is_settled and d.online.is_set() and not d.is_catching)]
            if not waiting:
                before = [d.counts["received"] for d in self.devices]
                await asyncio.sleep(0.5)
                if before == [d.counts["received"] for d in self.devices]:
                    return None
            elif asyncio.get_running_loop().time() > deadline:
                return f"not settled after {patience} s: {', '.join(waiting)}"
            else:
                await asyncio.sleep(0.05)

    async def _look_at_archives(self):
        if not self.world.has_archive:
            return
        await asyncio.gather(*(device.refresh() for device in self.devices))
        for pair in self.pairs:
            for devices in pair.devices:
                await self._dump(devices[0])

    async def _dump(self, device):
        after = self.archived_to.get(device.user)
        forward, backward = await device.dump(after)
        with open(os.path.join(self.folder, f"{device.user}.archive"), "w") as file:
            for direction, entries in (("forward", forward), ("backward", backward)):
                for archive_id, known in entries:
                    print(direction, archive_id, *(known or ("other", 0)), file=file)
        if forward:
            self.archived_to[device.user] = forward[-1][0]
