#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""turn.py - coturn takes the credentials that a client is given (XEP-0215), and no others.

With servers of its own. A change of the configuration reaches the client that asked. Prints what it checked; exits 0,
1, or 77.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import servers

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "scripts"))
import streams  # noqa: E402

HOST, PASSWORD, SECRET = servers.HOST, streams.PASSWORD, "um-segredo-de-ensaio"
NS = "urn:xmpp:extdisco:2"
PATIENCE = 30


class Failure(Exception):
    pass


def configure(server, *services):
    text = server.config.read_text().partition("modules =")[0]
    listed = ", ".join(f'"{service}"' for service in services)
    server.config.write_text(text + f"""modules = {{ external_services = {{
	services = [{listed}]; secret = "{SECRET}"; }}; }};
""")


class Recado(servers.Recado):
    services = ()

    def prepare(self, accounts):
        super().prepare(accounts)
        configure(self, *self.services)


def ask(stream, what, ident):
    stream.send(f"<iq type='get' id='{ident}' to='{HOST}'>{what}</iq>")
    kind, node = stream.next(PATIENCE)
    if kind != "element" or node.attributes.get("type") != "result":
        raise Failure(f"no result: {node or kind}")
    return [service.attributes for service in node.elements()[0].elements()]


def relays(port, user, password):
    """Whether a TURN client gets an allocation and its own bytes back through the relay."""
    ran = subprocess.run(
        ["turnutils_uclient", "-y", "-c", "-n", "1", "-m", "1", "-L", "127.0.0.1", "-e", "127.0.0.1",
         "-p", str(port), "-u", user, "-w", password, "127.0.0.1"],
        capture_output=True, text=True, timeout=PATIENCE, errors="replace", check=False)
    text = ran.stdout + ran.stderr
    return re.search(r"tot_recv_msgs=[1-9]", text) is not None, text


def start_turn(directory, port):
    low = 30000 + os.getpid() % 20000
    return subprocess.Popen(
        ["turnserver", "-n", "--use-auth-secret", f"--static-auth-secret={SECRET}", "--realm=localhost",
         "-L", "127.0.0.1", "-E", "127.0.0.1", "-p", str(port), "--allow-loopback-peers", "--no-tls",
         "--no-dtls", "--no-cli", "--cli-password=x", "--log-file=stdout", "--simple-log",
         f"--min-port={low}", f"--max-port={low + 200}", f"--pidfile={directory}/turn.pid",
         f"--userdb={directory}/turn.db"],
        cwd=directory, stdin=subprocess.DEVNULL, stdout=(directory / "turn.log").open("wb"),
        stderr=subprocess.STDOUT)


def check(server, directory, port):
    stream = streams.Stream("romeo", server.port, lambda text: text)
    stream.negotiate_tls(HOST, server.ca_file)
    stream.log_in("romeo", HOST)
    stream.bind("orchard")
    service, = ask(stream, f"<services xmlns='{NS}' type='turn'/>", "1")
    asked, = ask(stream, f"<credentials xmlns='{NS}'><service type='turn' host='127.0.0.1'/></credentials>", "2")
    turn = start_turn(directory, port)
    try:
        deadline = time.monotonic() + PATIENCE
        while True:  # until it listens
            done, text = relays(port, service["username"], service["password"])
            if done:
                break
            if time.monotonic() > deadline:
                raise Failure(f"coturn refuses: {text[-1500:]}\n"
                              + (directory / "turn.log").read_text(errors="replace")[-1500:])
            time.sleep(0.3)
        print("  coturn relays for the credentials of the list")
        if not relays(port, asked["username"], asked["password"])[0]:
            raise Failure("coturn refuses the credentials that were asked for")
        print("  and for those that were asked for")
        name = service["username"]
        later = f"{int(name.partition(':')[0]) + 3600}:{name.partition(':')[2]}"
        if relays(port, later, service["password"])[0] or relays(port, name, asked["password"][::-1])[0]:
            raise Failure("coturn takes what it should not")
        print("  not for a later time, nor another password")
    finally:
        turn.terminate()
        turn.wait(PATIENCE)
    configure(server, f"turn:127.0.0.1:{port}?transport=udp", "stun:stun.example.com", "turn:turn.example.com")
    server.control("reload")
    kind, node = stream.next(PATIENCE)
    pushed = [(s.attributes["action"], s.attributes["host"], "password" in s.attributes)
              for s in node.elements()[0].elements()] if kind == "element" else kind
    if pushed != [("add", "turn.example.com", True)]:
        raise Failure(f"the push was {pushed}")
    stream.send(f"<iq type='result' id='{node.attributes['id']}' to='{HOST}'/>")
    print("  a change of the configuration is pushed to who asked, of the type that was asked for")
    stream.close()


def main():
    servers.skip_others()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="recado-turn-"))
    server, port = Recado(directory, os.environ["RECADO_INTEROP_SERVER_BUILD"]), servers.free_ports(1)[0]
    server.services = (f"turn:127.0.0.1:{port}?transport=udp",)
    return servers.run_alone(
        server, {"romeo": PASSWORD}, lambda: check(server, directory, port),
        (Failure, RuntimeError, OSError, ValueError, streams.Ended, subprocess.SubprocessError))


sys.exit(main())
