#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""components.py - slixmpp clients and a slixmpp push component; Biboumi between them and ngircd.

With a server of its own, which has components. Clients block each other (XEP-0191), say that nobody looks
(XEP-0352) and are woken by push (XEP-0357) through the component (XEP-0114); a person in an IRC channel and one
in the room that Biboumi makes of it hear each other. Prints what it checked; exits 0, 1, or 77.
"""

import asyncio
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET

import servers

try:
    import slixmpp
    from slixmpp.componentxmpp import ComponentXMPP
except ImportError:
    print("slixmpp is not there")
    sys.exit(77)

HOST, PASSWORD, SECRET = servers.HOST, "s3nha-de-ensaio", "um-segredo-de-ensaio"
PATIENCE = 30
NS_PUSH, NS_PUBSUB = "urn:xmpp:push:0", "http://jabber.org/protocol/pubsub"


class Failure(Exception):
    pass


class Recado(servers.Recado):
    def prepare(self, accounts):
        super().prepare(accounts)
        self.component_port, self.irc_port = servers.free_ports(2)
        text = self.config.read_text().replace(
            "\n);", f''',\n\t{{ type = "component"; port = {self.component_port}; }}\n);
components = (
	{{ name = "push.{HOST}"; secret = "{SECRET}"; }},
	{{ name = "irc.{HOST}"; secret = "{SECRET}"; }}
);
modules = {{ push = {{ interval = "0s"; }}; }};''')
        self.config.write_text(text)


class Box:
    """Things that come, for those who wait for one of them."""

    def __init__(self, name):
        self.name, self.items, self.event = name, [], asyncio.Event()

    def put(self, item):
        self.items.append(item)
        self.event.set()

    async def get(self, wanted, why):
        deadline = time.monotonic() + PATIENCE
        while True:
            for item in self.items:
                if wanted(item):
                    self.items.remove(item)
                    return item
            self.event.clear()
            left = deadline - time.monotonic()
            if left <= 0:
                raise Failure(f"{self.name}: {why} did not come; there is {self.items}")
            try:
                await asyncio.wait_for(self.event.wait(), left)
            except asyncio.TimeoutError:
                pass


class Client(slixmpp.ClientXMPP):
    def __init__(self, user, resource, ca_file):
        super().__init__(f"{user}@{HOST}/{resource}", PASSWORD)
        self.ca_certs = str(ca_file)
        self.box = Box(user)
        for plugin in ("xep_0191", "xep_0352", "xep_0045"):
            self.register_plugin(plugin)
        self.started = asyncio.get_event_loop().create_future()
        self.add_event_handler("session_start", lambda _: self.started.set_result(True))
        self.add_event_handler("message", lambda m: self.box.put(("message", m)))
        self.add_event_handler("message_error", lambda m: self.box.put(("message", m)))
        self.add_event_handler("groupchat_message", lambda m: self.box.put(("room", m)))
        self.add_event_handler("presence", lambda p: self.box.put(("presence", p)))
        self.add_event_handler("groupchat_presence", lambda p: self.box.put(("presence", p)))
        self.add_event_handler("blocked", lambda iq: self.box.put(("blocked", iq)))

    async def come(self, port):
        self.connect(("127.0.0.1", port))
        await asyncio.wait_for(self.started, PATIENCE)
        await self.get_roster()
        self.send_presence()
        return self

    async def go(self):
        self.send_presence(ptype="unavailable")
        await asyncio.wait_for(self.disconnect(), PATIENCE)


class PushService(ComponentXMPP):
    """An app's server: it takes what is published, and answers as it is told."""

    def __init__(self):
        super().__init__(f"push.{HOST}", SECRET)
        self.box, self.error = Box("push service"), None
        self.started = asyncio.get_event_loop().create_future()
        self.add_event_handler("session_start", lambda _: self.started.set_result(True))
        self.register_handler(slixmpp.xmlstream.handler.Callback(
            "publish", slixmpp.xmlstream.matcher.MatchXPath(f"{{{self.default_ns}}}iq/{{{NS_PUBSUB}}}pubsub"),
            self.on_publish))

    def on_publish(self, iq):
        count = iq.xml.find(f".//{{jabber:x:data}}field[@var='message-count']/{{jabber:x:data}}value")
        publish = iq.xml.find(f".//{{{NS_PUBSUB}}}publish")
        self.box.put((publish.get("node"), int(count.text), iq["from"].full))
        if self.error is None:
            iq.reply().send()
        else:
            reply = iq.reply()
            reply.error()
            reply["error"]["type"], reply["error"]["condition"] = "cancel", self.error
            reply.send()


class IrcPerson:
    """A plain IRC client, on a socket."""

    def __init__(self, port, nick):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.lines = b""
        self.send(f"NICK {nick}", f"USER {nick} 0 * :{nick}")
        self.wait(" 001 ")

    def send(self, *lines):
        self.socket.sendall("".join(line + "\r\n" for line in lines).encode())

    def wait(self, wanted):
        while True:
            line, separator, rest = self.lines.partition(b"\r\n")
            if not separator:
                data = self.socket.recv(4096)
                if not data:
                    raise Failure(f"irc: the connection ended before {wanted!r}")
                self.lines += data
                continue
            self.lines = rest
            text = line.decode(errors="replace")
            if text.startswith("PING"):
                self.send("PONG" + text[4:])
            if wanted in text:
                return text


def checked(what):
    print(f"  {what}")


def enable(client, node):
    iq = client.make_iq_set()
    iq.set_payload(ET.fromstring(f"<enable xmlns='{NS_PUSH}' jid='push.{HOST}' node='{node}'/>"))
    return iq.send(timeout=PATIENCE)


async def phones(server):
    push = PushService()
    push.connect("127.0.0.1", server.component_port)
    await asyncio.wait_for(push.started, PATIENCE)
    checked("XEP-0114: slixmpp's component is connected")
    romeo = await Client("romeo", "orchard", server.ca_file).come(server.port)
    juliet = await Client("juliet", "phone", server.ca_file).come(server.port)
    await enable(juliet, "token-1")
    romeo.send_message(f"juliet@{HOST}", "Are you there?", mtype="chat")
    await juliet.box.get(lambda i: i[0] == "message" and i[1]["body"] == "Are you there?", "the message")
    # While somebody looks there is no push; nobody looks any more once she is inactive.
    juliet.plugin["xep_0352"].send_inactive()
    await juliet.plugin["xep_0191"].get_blocked(timeout=PATIENCE)  # behind it
    romeo.send_message(f"juliet@{HOST}", "And now?", mtype="chat")
    node, count, sender = await push.box.get(lambda i: True, "a notification")
    if (node, count, sender) != ("token-1", 1, HOST):
        raise Failure(f"the notification was {node} {count} {sender}")
    await juliet.box.get(lambda i: i[0] == "message" and i[1]["body"] == "And now?", "the message")
    checked("XEP-0352, XEP-0357: an inactive client is woken, an active one is not")
    await juliet.go()
    romeo.send_message(f"juliet@{HOST}", "Gone?", mtype="chat")
    node, count, _ = await push.box.get(lambda i: True, "a notification")
    if count != 2:
        raise Failure(f"the count was {count}")
    checked("XEP-0357: nobody is there")
    push.error = "item-not-found"
    romeo.send_message(f"juliet@{HOST}", "Still?", mtype="chat")
    await push.box.get(lambda i: True, "a notification")
    deadline = time.monotonic() + PATIENCE
    while "item-not-found" not in server.control("push", "failures").stdout:
        if time.monotonic() > deadline:
            raise Failure("the failure is not shown")
        await asyncio.sleep(0.1)
    if "item-not-found" not in server.control("push", "list", f"juliet@{HOST}").stdout:
        raise Failure("the node is still enabled")
    checked("recadoctl push: what the service refused, and that it is given up")
    return push, romeo


async def blocking(server, romeo):
    juliet = await Client("juliet", "desk", server.ca_file).come(server.port)
    blocking = juliet.plugin["xep_0191"]
    await blocking.get_blocked(timeout=PATIENCE)
    await blocking.block([f"romeo@{HOST}"], timeout=PATIENCE)
    await juliet.box.get(lambda i: i[0] == "blocked", "the push")
    got = await blocking.get_blocked(timeout=PATIENCE)
    if got["blocklist"]["items"] != {slixmpp.JID(f"romeo@{HOST}")}:
        raise Failure(f"the list is {got['blocklist']['items']}")
    romeo.send_message(f"juliet@{HOST}", "Blocked?", mtype="chat")
    await romeo.box.get(lambda i: i[0] == "message" and i[1]["type"] == "error", "an error")
    await blocking.unblock([f"romeo@{HOST}"], timeout=PATIENCE)
    romeo.send_message(f"juliet@{HOST}", "Unblocked", mtype="chat")
    got = await juliet.box.get(lambda i: i[0] == "message" and "locked" in i[1]["body"], "a message")
    if got[1]["body"] != "Unblocked":
        raise Failure("what was blocked came all the same")
    checked("XEP-0191: block, list, push, refusal, unblock")
    await juliet.go()


async def irc(server, romeo, directory):
    """#cauldron%server@irc.localhost, through Biboumi and ngircd."""
    room, loop = f"#cauldron%127.0.0.1@irc.{HOST}", asyncio.get_event_loop()
    joined = loop.create_task(romeo.plugin["xep_0045"].join_muc_wait(room, "romeo", timeout=PATIENCE))
    await joined
    witch = await loop.run_in_executor(None, IrcPerson, server.irc_port, "witch")
    witch.send("JOIN #cauldron")
    await loop.run_in_executor(None, witch.wait, " 366 ")
    await romeo.box.get(lambda i: i[0] == "presence" and i[1]["from"].resource == "witch", "the witch")
    witch.send("PRIVMSG #cauldron :Double, double toil and trouble")
    got = await romeo.box.get(lambda i: i[0] == "room" and "toil" in i[1]["body"], "the witch's line")
    if got[1]["from"].resource != "witch":
        raise Failure(f"it came from {got[1]['from']}")
    romeo.send_message(room, "Fire burn and cauldron bubble", mtype="groupchat")
    await loop.run_in_executor(None, witch.wait, "cauldron bubble")
    witch.send("QUIT :gone")
    await romeo.box.get(lambda i: i[0] == "presence" and i[1]["type"] == "unavailable" and
                        i[1]["from"].resource == "witch", "the end of the witch")
    checked("XEP-0114: Biboumi carries a channel of ngircd both ways")


def start_irc(server, directory):
    """ngircd and Biboumi, or what is missing."""
    for program in ("biboumi", "ngircd"):
        if shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin") is None:
            return program
    (directory / "ngircd.conf").write_text(f"""[Global]
Name = irc.example.net
Info = test
Listen = 127.0.0.1
Ports = {server.irc_port}
MotdPhrase = test
ServerUID = {os.getuid()}
[Limits]
MaxConnectionsIP = 0
[Options]
Ident = no
PAM = no
DNS = no
""")
    (directory / "biboumi.cfg").write_text(f"""hostname=irc.{HOST}
password={SECRET}
xmpp_server_ip=127.0.0.1
port={server.component_port}
db_name={directory}/biboumi.sqlite
log_file={directory}/biboumi.log
log_level=0
outgoing_bind=127.0.0.1
""")
    log = (directory / "irc.log").open("wb")
    return [subprocess.Popen(command, cwd=directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                             env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin"))
            for command in (["ngircd", "-n", "-f", str(directory / "ngircd.conf")],
                            ["biboumi", str(directory / "biboumi.cfg")])]


async def set_irc_port(server, romeo):
    """Biboumi learns the port of our IRC server by its ad-hoc command's storage: a form of the user's own."""
    deadline = time.monotonic() + PATIENCE
    while True:  # until Biboumi is connected
        iq = romeo.make_iq_set(ito=f"127.0.0.1@irc.{HOST}")
        iq.set_payload(ET.fromstring("<command xmlns='http://jabber.org/protocol/commands' node='configure' "
                                     "action='execute'/>"))
        try:
            reply = await iq.send(timeout=PATIENCE)
            break
        except slixmpp.exceptions.IqError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.2)
    command = reply.xml.find("{http://jabber.org/protocol/commands}command")
    iq = romeo.make_iq_set(ito=f"127.0.0.1@irc.{HOST}")
    iq.set_payload(ET.fromstring(
        "<command xmlns='http://jabber.org/protocol/commands' node='configure' action='complete' "
        f"sessionid='{command.get('sessionid')}'><x xmlns='jabber:x:data' type='submit'>"
        f"<field var='ports'><value>{server.irc_port}</value></field>"
        "<field var='tls_ports'/></x></command>"))
    await iq.send(timeout=PATIENCE)


async def play(server, directory):
    push, romeo = await phones(server)
    await blocking(server, romeo)
    programs = start_irc(server, directory)
    missing = isinstance(programs, str)
    if not missing:
        try:
            await set_irc_port(server, romeo)
            await irc(server, romeo, directory)
        except Exception:
            print((directory / "biboumi.log").read_text(errors="replace")[-3000:]
                  if (directory / "biboumi.log").exists() else "")
            print((directory / "irc.log").read_text(errors="replace")[-2000:])
            raise
        finally:
            for program in programs:
                program.terminate()
            for program in programs:
                program.wait(PATIENCE)
    await romeo.go()
    push.abort()
    if missing:
        raise Failure(f"{programs} is not there: packaging/debian-test-deps lists it")


def main():
    servers.skip_others()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="recado-components-"))
    server = Recado(directory, os.environ["RECADO_INTEROP_SERVER_BUILD"])
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    return servers.run_alone(
        server, {"romeo": PASSWORD, "juliet": PASSWORD},
        lambda: loop.run_until_complete(asyncio.wait_for(play(server, directory), 4 * PATIENCE)),
        (Failure, RuntimeError, OSError, asyncio.TimeoutError, slixmpp.exceptions.XMPPError))


sys.exit(main())
