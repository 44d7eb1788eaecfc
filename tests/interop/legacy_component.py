#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""legacy_component.py - mu-conference, the rooms of jabberd's time, as a component (XEP-0114).

With a server of its own. slixmpp, xmpp.js and a client that knows no more than groupchat 1.0 meet in
its room. It is killed and begins anew, knowing nobody: the server finds out, and tells who sat there
(XEP-0410, though mu-conference has never heard of that). Prints what it checked; exits 0, 1, or 77.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import clients
import servers

HOST, PASSWORD, SECRET = servers.HOST, "s3nha-de-ensaio", "um-segredo-de-ensaio"
SERVICE = f"conference.{HOST}"
# What mu-conference knows of a room after a kill depends on what it had written by then.
ROOM, NEW_ROOM = f"casa@{SERVICE}", f"rua@{SERVICE}"
PATIENCE = 30


class Recado(servers.Recado):
    def prepare(self, accounts):
        super().prepare(accounts)
        self.component_port, = servers.free_ports(1)
        text = self.config.read_text().replace(
            "\n);", f''',\n\t{{ type = "component"; port = {self.component_port}; }}\n);
components = ( {{ name = "{SERVICE}"; secret = "{SECRET}"; }} );''')
        self.config.write_text(text)


class Component:
    """mu-conference, on what it left behind in DIRECTORY."""

    def __init__(self, server, directory):
        self.server, self.directory, self.process, self.starts = server, directory, None, 0
        for name in ("rooms", "logs"):
            (directory / name).mkdir()
        (directory / "muc.xml").write_text(f"""<jcr>
  <name>{SERVICE}</name><host>{SERVICE}</host>
  <ip>127.0.0.1</ip><port>{server.component_port}</port><secret>{SECRET}</secret>
  <spool>{directory}/rooms/</spool><logdir>{directory}/logs/</logdir>
  <pidfile>{directory}/muc.pid</pidfile><logstderr/><loglevel>124</loglevel>
  <conference xmlns="jabber:config:conference">
    <public/><history>40</history>
    <vCard><FN>Salas</FN></vCard>
    <notice><join>has become available</join><leave>has left</leave><rename>is now known as</rename></notice>
  </conference>
</jcr>
""")

    def start(self):
        with (self.directory / "muc.log").open("ab") as log:
            self.process = subprocess.Popen(["mu-conference", "-c", str(self.directory / "muc.xml")],
                                            cwd=self.directory, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT)
        self.starts += 1
        deadline = time.monotonic() + PATIENCE
        while self.server.log.read_text().count("component-connected") < self.starts:
            if time.monotonic() > deadline:
                raise clients.Failure("mu-conference does not connect")
            time.sleep(0.1)

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)


def checked(what):
    print(f"  {what}")


def enter(everybody, room):
    """The first makes the room."""
    for number, client in enumerate(everybody):
        client.tell("join" if number else "create", room, client.name)
        client.expect("joined", f"{room}/{client.name}")
        if number == 0:
            client.expect("created", room)
        for other in everybody[:number]:
            other.expect("presence", f"{room}/{client.name}", "available")
            client.expect("presence", f"{room}/{other.name}", "available")


def talk(everybody, room):
    for sender in everybody:
        sender.tell("say", room, f"olá de {sender.name} & <todos>")
        for client in everybody:
            client.expect("groupchat", f"{room}/{sender.name}", f"olá de {sender.name} & <todos>")


def story(server, component, slixmpp, js, old):
    everybody = [slixmpp, js, old]
    for client, user in zip(everybody, ("romeo", "juliet", "nurse")):
        client.start(str(server.port), client.modes[0], f"{user}@{HOST}/{client.name}", PASSWORD,
                     str(server.ca_file))
        client.expect("online", f"{user}@{HOST}")
        client.expect("ready")
    enter(everybody, ROOM)
    talk(everybody, ROOM)
    checked("three enter mu-conference's room, see and hear each other")
    component.kill()
    component.start()
    for client in (slixmpp, js):
        client.expect("left", f"{ROOM}/{client.name}", "333")
    old.expect("left", f"{ROOM}/{old.name}")
    checked("it was killed and is there again: all learn that they have no seat any more")
    enter(everybody, NEW_ROOM)
    talk(everybody, NEW_ROOM)
    checked("they enter another room, and hear each other")
    old.tell("leave", NEW_ROOM, old.name)
    for client in (slixmpp, js):
        client.expect("presence", f"{NEW_ROOM}/{old.name}", "unavailable")
    js.kill()
    slixmpp.expect("presence", f"{NEW_ROOM}/{js.name}", "unavailable")
    checked("one leaves, one is killed, and the room sees both go")
    slixmpp.quit()
    old.quit()


def play(server, directory, build):
    component = Component(server, directory)
    everybody = [clients.make(name, build) for name in ("slixmpp", "xmppjs", "groupchat")]
    try:
        component.start()
        with everybody[0], everybody[1], everybody[2]:
            story(server, component, *everybody)
        if component.process.poll() is not None:
            raise clients.Failure(f"mu-conference ended with {component.process.returncode}")
    except clients.Failure:
        print((directory / "muc.log").read_text(errors="replace")[-3000:])
        raise
    finally:
        if component.process is not None:
            component.kill()


def main():
    servers.skip_others()
    os.environ["PATH"] += ":/usr/sbin"
    if shutil.which("mu-conference") is None:
        print("mu-conference is not there: packaging/debian-test-deps lists jabber-muc")
        return 1
    directory = pathlib.Path(tempfile.mkdtemp(prefix="recado-legacy-component-"))
    server = Recado(directory, os.environ["RECADO_INTEROP_SERVER_BUILD"])
    return servers.run_alone(
        server, {user: PASSWORD for user in ("romeo", "juliet", "nurse")},
        lambda: play(server, directory, os.environ["RECADO_INTEROP_BUILD"]),
        (clients.Failure, RuntimeError, OSError))


sys.exit(main())
