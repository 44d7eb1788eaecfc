# SPDX-License-Identifier: MIT
"""device.py - one device of an account: sends numbered messages, receives, and keeps account of both.

It does what an honest phone does: stream management with resumption (XEP-0198), the archive after
a session that could not be resumed (XEP-0313), carbons (XEP-0280), and it sends again, under the
same id, what was never acknowledged. What happened goes to two files of its own, in this order:

    NAME.sent       S stream seq   written for the first time     R ...   written again
                    A stream seq   acknowledged by the server     B ...   came back as an error
    NAME.received   + how stream seq id     how: live, resumed, offline, carbon, mam; id: the archive's
                    begin, end     of catching up with the archive: what else comes meanwhile waits
                    bound, resumed, failed   how the session began
                    ! text         something that no server may do

A line is on the disk before the server is told that its message was handled.
"""

import asyncio
import collections
import concurrent.futures
import os
import xml.etree.ElementTree as etree

from wire import CLIENT, SM, Fault, Lost

MAM = "urn:xmpp:mam:2"
CARBONS = "urn:xmpp:carbons:2"
FORWARD = "{urn:xmpp:forward:0}forwarded"
DELAY = "{urn:xmpp:delay}delay"
STANZA_ID = "{urn:xmpp:sid:0}stanza-id"
RSM = "http://jabber.org/protocol/rsm"
FILLER = "the quick brown fox jumps over the lazy dog; " * 3
PAGE = 50
PATIENCE_S = 30

_disk = concurrent.futures.ThreadPoolExecutor(2)


class Log:
    """Lines, and the certainty that they are on the disk."""

    def __init__(self, path):
        self._file = open(path, "a", buffering=1 << 16)

    def write(self, line):
        self._file.write(line + "\n")

    async def sync(self):
        self._file.flush()
        await asyncio.get_running_loop().run_in_executor(_disk, os.fdatasync, self._file.fileno())

    def close(self):
        self._file.close()


def body_of(stream, seq):
    return f"{stream}-{seq} {FILLER[:80 + seq % 40]}"


class Sending:
    """The messages from one account to another: their stream is called FROM-TO."""

    def __init__(self, sender, recipient, resources=("",)):
        self.name = f"{sender}-{recipient}"
        self.recipient = recipient
        self.resources = resources  # whom to address, in turn; "": the bare JID
        self.next = 1

    def text(self, seq, host):
        resource = self.resources[seq % len(self.resources)]
        to = f"{self.recipient}@{host}" + (f"/{resource}" if resource else "")
        return (f"<message to='{to}' type='chat' id='{self.name}-{seq}'>"
                f"<body>{body_of(self.name, seq)}</body>"
                f"<origin-id xmlns='urn:xmpp:sid:0' id='{self.name}-{seq}'/></message>")


class Device:
    def __init__(self, world, user, resource, has_carbons=False, with_tls=False):
        self.world, self.user, self.resource = world, user, resource
        self.name = f"{user}.{resource}"
        self.bare = f"{user}@{world.host}"
        self.has_carbons, self.with_tls = has_carbons, with_tls
        self.stream = None
        self.online, self.acked = asyncio.Event(), asyncio.Event()
        self.is_away = False      # by its owner's wish
        self.forgets = False      # the next resumption will be of a session nobody knows
        self.sm_id = None
        self.in_count = 0
        self.out_acked = 0        # of this session's stanzas
        self.unacked = collections.deque()  # (text, stream's name or None, seq)
        self.again = []           # messages of former sessions
        self.returned = set()     # (stream's name, seq) of what came back as an error
        self.asked_at = None      # <r/> without an answer
        self.is_catching = False
        self.last_id = None       # all before it was received
        self.held, self.seen = [], set()
        self.results, self.query = [], None  # of the page that was asked for
        self.questions = {}
        self.sending = None
        self.counts = collections.Counter()
        self.number = 0           # of iqs
        self.last_progress = 0.0
        self._ack_is_due = False
        self._catching = None
        self._task = None

    # Logs: a pair of files for each round.

    def open_logs(self, directory):
        self.sent = Log(os.path.join(directory, f"{self.name}.sent"))
        self.received = Log(os.path.join(directory, f"{self.name}.received"))
        self.trace = Log(os.path.join(directory, f"{self.name}.trace"))
        if self.is_catching:
            self.received.write("begin")

    async def close_logs(self):
        for log in (self.sent, self.received, self.trace):
            await log.sync()
            log.close()

    def blame(self, what):
        self.counts["faults"] += 1
        self.received.write(f"! {what}")

    # Connecting.

    def start(self):
        self._task = asyncio.get_running_loop().create_task(self._run())

    def stop(self):
        """Returns the task that is to be cancelled."""
        self.is_away = True
        if self.stream is not None:
            self.stream.abort()
        return self._task

    async def _run(self):
        while True:
            if self.is_away or not self.world.is_up.is_set():
                await self.world.is_up.wait()
                await asyncio.sleep(0.01)
                continue
            try:
                await self._session()
            except Lost as error:
                self.world.note(self.name, f"lost: {error}")
            except Fault as error:
                self.blame(str(error))
                self.sm_id = None
            await asyncio.sleep(0.01 + self.world.random.random() * 0.03)

    async def _session(self):
        stream, features = await self.world.connect(self.user, self.with_tls)
        self.stream = stream
        done = asyncio.get_running_loop().create_future()
        try:
            if features.find(f"{{{SM}}}sm") is None:
                raise Fault("stream management is not offered")
            if self.sm_id is None or not await self._resume(stream):
                await self._bind(stream)
            stream.on_lost = lambda: done.done() or done.set_result(None)
            if not stream.is_lost:
                self.last_progress = asyncio.get_running_loop().time()
                self.asked_at = None
                self.online.set()
                await done
            if stream.fault:
                raise Fault(stream.fault)
        finally:
            self.online.clear()
            self.acked.set()
            stream.abort()

    async def _resume(self, stream):
        previd = "forged-" + self.sm_id if self.forgets else self.sm_id
        self.forgets = False
        self.trace.write(f"> resume h={self.in_count} of {previd}")
        stream.write(f"<resume xmlns='{SM}' h='{self.in_count}' previd='{previd}'/>")
        answer = await stream.next("resumed", "failed")
        if answer.get("h") is not None:
            self._take_ack(int(answer.get("h")))
        if answer.tag.endswith("failed"):
            if self.world.keeps_sessions and previd == self.sm_id:
                raise Fault("a session that had been enabled was not there any more")
            self.counts["failed"] += 1
            self.received.write("failed")
            self.world.note(self.name, "not resumed")
            self.sm_id = None
            return False
        self.counts["resumed"] += 1
        self.received.write("resumed")
        if answer.get("previd") != previd:
            raise Fault("resumed another session than was asked for")
        self.is_resumed = True
        for text, name, seq in self.unacked:
            if name is not None:
                self.sent.write(f"R {name} {seq}")
            stream.write(text)
        stream.hand_over(self._take)
        self._ask()
        return True

    async def _bind(self, stream):
        stream.write("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                     f"<resource>{self.resource}</resource></bind></iq>")
        answer = await stream.next("iq")
        if answer.get("type") != "result":
            raise Lost("binding was refused")
        # What was not acknowledged in a former session is sent again, before anything new.
        # What came back is not: its sender knows that it was refused.
        self.again += [entry for entry in self.unacked
                       if entry[1] is not None and entry[1:] not in self.returned]
        self.unacked.clear()
        self.out_acked = self.in_count = 0
        self.sm_id = None
        self.is_resumed = False
        stream.write(f"<enable xmlns='{SM}' resume='true'/>")
        answer = await stream.next("enabled", "failed")
        if answer.tag.endswith("failed"):
            raise Fault("stream management was refused")
        if answer.get("resume") in ("true", "1"):
            self.sm_id = answer.get("id")
        self.counts["bound"] += 1
        self.received.write("bound")
        self._forget_questions()
        if self.world.has_archive:  # from the first stanza on
            self.is_catching = True
            self.received.write("begin")
        stream.hand_over(self._take)
        if self.has_carbons:
            self._request("set", "", f"<enable xmlns='{CARBONS}'/>")
        if self.world.has_archive:
            self._catching = asyncio.get_running_loop().create_task(self._catch_up())
        self._send("<presence/>")
        again, self.again = self.again, []
        for text, name, seq in again:
            self.sent.write(f"R {name} {seq}")
            self.counts["sent again"] += 1
            self._send(text, name, seq)
        self._ask()

    def _forget_questions(self):
        if self._catching is not None:
            self._catching.cancel()
            self._catching = None
        for question in self.questions.values():
            question.cancel()
        self.questions.clear()

    # What chaos does to a device.

    def cut(self, forgets=False):
        """The network is gone, and with FORGETS what the device knew of its session."""
        self.forgets = forgets
        if self.stream is not None:
            self.stream.abort()

    async def leave(self):
        """Offline in order (RFC 6120 section 4.4): nothing of this session can be resumed."""
        self.is_away = True
        if not self.online.is_set():
            return
        self.online.clear()
        stream, self.sm_id, h = self.stream, None, self.in_count
        await self.received.sync()
        stream.write(f"<a xmlns='{SM}' h='{h}'/>")
        self._send("<presence type='unavailable'/></stream:stream>")
        for _ in range(100):
            if stream.is_lost:
                break
            await asyncio.sleep(0.02)
        stream.abort()

    # Sending.

    def _send(self, text, name=None, seq=0):
        self.unacked.append((text, name, seq))
        self.stream.write(text)

    def _ask(self):
        if self.unacked and self.stream is not None:
            self.stream.write(f"<r xmlns='{SM}'/>")
            if self.asked_at is None:
                self.asked_at = asyncio.get_running_loop().time()

    def _take_ack(self, h):
        count = (h - self.out_acked) & 0xFFFFFFFF
        if count > len(self.unacked):
            raise Fault(f"acknowledges {count} stanzas where {len(self.unacked)} were sent")
        for _ in range(count):
            _, name, seq = self.unacked.popleft()
            if name is not None:
                self.sent.write(f"A {name} {seq}")
                self.counts["acked"] += 1
        self.out_acked = h
        if count:
            self.last_progress = asyncio.get_running_loop().time()
        self.asked_at = None
        self.acked.set()

    async def talk(self, sending, window, rate):
        """Sends until cancelled, at most RATE a second (0: as fast as is acknowledged)."""
        self.sending = sending
        burst = max(1, window // 4)
        while True:
            await self.online.wait()
            if len(self.unacked) > window - burst:
                self.acked.clear()
                try:
                    await asyncio.wait_for(self.acked.wait(), 1)
                except asyncio.TimeoutError:
                    self._ask()
                continue
            for _ in range(burst):
                seq = sending.next
                sending.next += 1
                self.sent.write(f"S {sending.name} {seq}")
                self._send(sending.text(seq, self.world.host), sending.name, seq)
            self._ask()
            await asyncio.sleep(burst / rate if rate else 0)

    @property
    def is_settled(self):
        return not self.again and all(name is None for _, name, _ in self.unacked)

    def nudge(self):
        """Now and then: asks again for what is open, and gives up a server that says nothing."""
        if not self.online.is_set():
            return
        self._ask()
        now = asyncio.get_running_loop().time()
        if self.asked_at is not None and now - max(self.asked_at, self.last_progress) > PATIENCE_S:
            self.counts["stalls"] += 1
            self.cut()

    # Receiving.

    def _take(self, element):
        tag = element.tag
        if self.world.is_traced:
            text = etree.tostring(element, encoding="unicode").replace("\n", " ")
            self.trace.write(f"< {self.in_count} {text}")
        if tag == CLIENT + "message":
            self.in_count = (self.in_count + 1) & 0xFFFFFFFF
            self._message(element)
        elif tag == CLIENT + "iq":
            self.in_count = (self.in_count + 1) & 0xFFFFFFFF
            self._iq(element)
        elif tag == CLIENT + "presence":
            self.in_count = (self.in_count + 1) & 0xFFFFFFFF
        elif tag == f"{{{SM}}}a":
            self._take_ack(int(element.get("h")))
        elif tag == f"{{{SM}}}r":
            self._acknowledge()
        else:
            self.world.note(self.name, f"{tag}: {[e.tag for e in element]}")
            self.stream.abort()

    def _acknowledge(self):
        if not self._ack_is_due:
            self._ack_is_due = True
            asyncio.get_running_loop().create_task(self._acknowledge_soon())

    async def _acknowledge_soon(self):
        await asyncio.sleep(0.005)
        self._ack_is_due = False
        stream, h = self.stream, self.in_count
        await self.received.sync()
        if stream is self.stream:
            self.trace.write(f"> a h={h}")
            stream.write(f"<a xmlns='{SM}' h='{h}'/>")

    def _iq(self, iq):
        kind = iq.get("type")
        if kind in ("get", "set"):
            to = f" to='{iq.get('from')}'" if iq.get("from") else ""
            self._send(f"<iq type='result' id='{iq.get('id')}'{to}/>")
            return
        question = self.questions.pop(iq.get("id"), None)
        if question is not None and not question.done():
            question.set_result(iq)

    def _message(self, message):
        if message.get("type") == "error":
            self._bounced(message)
            return
        for child in message:
            if child.tag == f"{{{MAM}}}result":
                self._archived(child)
                return
            if child.tag in (f"{{{CARBONS}}}received", f"{{{CARBONS}}}sent"):
                if message.get("from") != self.bare:
                    self.blame(f"a carbon from {message.get('from')}")
                self._content(child.find(FORWARD).find(CLIENT + "message"), "carbon")
                return
        how = "live"
        if message.find(DELAY) is not None:
            how = "resumed" if self.is_resumed else "offline"
        self._content(message, how)

    def _bounced(self, message):
        stream, _, seq = message.get("id", "").rpartition("-")
        error = message.find(CLIENT + "error")
        condition = error[0].tag.rpartition("}")[2] if error is not None and len(error) else "?"
        self.sent.write(f"B {stream} {seq} {condition}")
        self.returned.add((stream, int(seq) if seq.isdigit() else 0))

    def _identify(self, message):
        """The message's stream and number, after a look at whether anything was changed."""
        stream, _, seq = (message.get("id") or "").rpartition("-")
        sender, _, recipient = stream.partition("-")
        if not seq.isdigit() or not recipient:
            return None
        seq = int(seq)
        if (message.findtext(CLIENT + "body") != body_of(stream, seq)
                or (message.get("from") or self.bare).split("@")[0] != sender
                or (message.get("to") or self.bare).split("@")[0] != recipient):
            self.blame(f"{stream}-{seq} was changed")
        return stream, seq

    def _content(self, message, how):
        known = self._identify(message) if message.get("type") != "error" else None
        if known is None:
            return
        ids = [e.get("id") for e in message.iterfind(STANZA_ID) if e.get("by") == self.bare]
        if len(ids) > 1:
            self.blame(f"{known[0]}-{known[1]} has {len(ids)} ids of one archive")
        archive_id = ids[0] if ids else "-"
        self.received.write(f"+ {how} {known[0]} {known[1]} {archive_id}")
        self.counts["received"] += 1
        if self.is_catching:
            self.held.append(archive_id)
        elif archive_id != "-":
            self.last_id = archive_id

    # The archive.

    def _request(self, kind, to, payload):
        self.number += 1
        name = f"q{self.number}"
        question = asyncio.get_running_loop().create_future()
        self.questions[name] = question
        self._send(f"<iq type='{kind}' id='{name}'{to}>{payload}</iq>")
        self._ask()
        return question

    async def page(self, rsm):
        """One page of the own archive: its ids and messages, in order, and whether it is the last."""
        iq = None
        while iq is None:
            self.results, self.query = [], f"m{self.number + 1}"
            question = self._request("set", "", (
                f"<query xmlns='{MAM}' queryid='{self.query}'>"
                f"<set xmlns='{RSM}'><max>{PAGE}</max>{rsm}</set></query>"))
            try:
                iq = await asyncio.wait_for(question, PATIENCE_S / 2)
            except asyncio.TimeoutError:
                self.counts["unanswered"] += 1
            except asyncio.CancelledError:
                if asyncio.current_task().cancelling():
                    raise
                raise Lost("archive: a new session began before the answer") from None
        results, self.results = self.results, []
        if iq.get("type") != "result":
            error = iq.find(CLIENT + "error")
            raise Lost("archive: " + (error[0].tag if error is not None and len(error) else "?"))
        fin = iq.find(f"{{{MAM}}}fin")
        return results, fin is not None and fin.get("complete") in ("true", "1")

    def _archived(self, result):
        if result.get("queryid") != self.query:
            return
        message = result.find(FORWARD).find(CLIENT + "message")
        known = self._identify(message) if message.get("type") != "error" else None
        self.results.append((result.get("id"), known))
        if known is not None and self.is_catching:
            self.received.write(f"+ mam {known[0]} {known[1]} {result.get('id')}")

    async def _catch_up(self):
        """All that came since the last id; what arrives meanwhile is newer, or the same."""
        try:
            while True:
                after = f"<after>{self.last_id}</after>" if self.last_id else ""
                results, is_complete = await self.page(after)
                for archive_id, _ in results:
                    self.seen.add(archive_id)
                    self.last_id = archive_id
                if is_complete or not results:
                    break
        except Lost as error:
            self.blame(f"cannot catch up after {self.last_id}: {error}")
        for archive_id in self.held:
            if archive_id != "-" and archive_id not in self.seen:
                self.last_id = archive_id
        self.held.clear()
        self.seen.clear()
        self.is_catching = False
        self.received.write("end")

    async def refresh(self):
        """Another look at the archive, as at the start of a session."""
        if self.world.has_archive and self.online.is_set() and not self.is_catching:
            self.is_catching = True
            self.received.write("begin")
            await self._catch_up()

    async def dump(self, after):
        """The archive since the id AFTER, read by pages forward, and again backward."""
        forward, backward, last = [], [], after
        while True:
            results, is_complete = await self.page(f"<after>{last}</after>" if last else "")
            forward += results
            if is_complete or not results:
                break
            last = results[-1][0]
        first = ""
        while len(backward) < len(forward) + PAGE:
            results, is_complete = await self.page(f"<before>{first}</before>")
            ids = [archive_id for archive_id, _ in results]
            if after in ids:
                results, is_complete = results[ids.index(after) + 1:], True
            backward[:0] = results
            if is_complete or not results:
                break
            first = results[0][0]
        return forward, backward
