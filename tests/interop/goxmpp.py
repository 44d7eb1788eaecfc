#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""goxmpp.py - go-xmpp signs in by all that it knows: SCRAM with the exporter as channel binding, a proof of
the offer (XEP-0474), Bind 2, a token that is bound to TLS (HT-SHA-256-EXPR), and an upgrade of keys
(XEP-0480). It has a server of its own. Exits 0, 1, or 77 when it was skipped, having said why.
"""

import base64
import hashlib
import hmac
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import servers

HERE = pathlib.Path(__file__).resolve().parent
AGENT = "d4565fa7-4d72-4749-b3d3-740edbf87770"
PASSWORD = os.environ["RECADO_INTEROP_PASSWORD"]


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def build(directory):
    wanted = re.search(r"^go (\d+)\.(\d+)", (HERE / "goxmpp/go.mod").read_text(), re.M)
    if shutil.which("go") is None:
        skip("there is no go")
    version = subprocess.run(["go", "version"], env=dict(os.environ, GOTOOLCHAIN="local"),
                             capture_output=True, text=True, check=True).stdout
    got = re.search(r"go(\d+)\.(\d+)", version)
    if tuple(map(int, got.groups())) < tuple(map(int, wanted.groups())):
        skip(f"{got.group(0)} is older than {wanted.group(0)}")
    program = directory / "goxmpp"
    kept = pathlib.Path(os.environ["RECADO_INTEROP_SERVER_BUILD"]) / "interop-go"  # HOME is new each time
    subprocess.run(["go", "build", "-o", program, "."], cwd=HERE / "goxmpp", check=True, timeout=140,
                   env=dict(os.environ, GOCACHE=str(kept / "cache"), GOMODCACHE=str(kept / "modules"),
                            GOFLAGS="-modcacherw -buildvcs=false"))
    return program


class Client:
    def __init__(self, program, server):
        self.program, self.server = program, server

    def log_in(self, password, mechanism="", token=""):
        """What it says: the mechanism, the address, and perhaps a token and its mechanism."""
        done = subprocess.run(
            [self.program, str(self.server.tls_port), "romeo", password, AGENT, mechanism, token],
            env=dict(os.environ, RECADO_INTEROP_CA_FILE=str(self.server.ca_file)),
            capture_output=True, text=True, timeout=30, check=False)
        print(mechanism or "(its choice)", "->", done.stdout.strip(), done.stderr.strip())
        return done.stdout.split()


def expect(is_true, what):
    if not is_true:
        raise AssertionError(what)


def tokens(client):
    first = client.log_in(PASSWORD)
    expect(first[0] == "SCRAM-SHA-512-PLUS" and first[3] == "HT-SHA-256-EXPR", first)
    for _ in range(2):
        again = client.log_in("not the password", first[3], first[2])
        expect(again[:2] == ["HT-SHA-256-EXPR", first[1]], again)
    for mechanism, token in ((first[3], "0" * 64), ("HT-SHA-256-ENDP", first[2])):
        expect(client.log_in("not the password", mechanism, token)[0] == "error", "a forged token")
    # The same password anew: what it opened before is closed (SEC-40).
    client.server.control("account", "password", "romeo@localhost", "--password-stdin", text=PASSWORD)
    expect(client.log_in(PASSWORD, first[3], first[2])[0] == "error", "a token of the old password")


def encode(data):
    return base64.b64encode(data).decode()


def upgrade(client):
    salt = os.urandom(16)
    key = hashlib.pbkdf2_hmac("sha1", PASSWORD.encode(), salt, 4096)
    stored = hashlib.sha1(hmac.digest(key, b"Client Key", "sha1")).digest()
    line = {"account": "romeo@localhost", "credentials":
            f"v1;SHA-1:4096:{encode(salt)}:{encode(stored)}:{encode(hmac.digest(key, b'Server Key', 'sha1'))}"}
    client.server.control("account", "import", "-", "--update", text=json.dumps(line) + "\n")
    expect(client.log_in(PASSWORD, "SCRAM-SHA-512-PLUS")[0] == "error", "keys that are not there")
    expect(client.log_in(PASSWORD, "SCRAM-SHA-1-PLUS")[0] == "SCRAM-SHA-1-PLUS", "the old keys")
    expect(client.log_in(PASSWORD, "SCRAM-SHA-512-PLUS")[0] == "SCRAM-SHA-512-PLUS", "the new keys")


def main():
    if os.environ["RECADO_INTEROP_SERVER"] != "recado":
        skip("it needs a Recado of its own")
    directory = pathlib.Path(os.environ["HOME"])
    program = build(directory)
    server = servers.Recado(directory, pathlib.Path(os.environ["RECADO_INTEROP_SERVER_BUILD"]))
    try:
        server.start({"romeo": PASSWORD})
        tokens(Client(program, server))
        upgrade(Client(program, server))
    finally:
        ended = server.stop()
    expect(ended == 0, f"the server ended with {ended}")


main()
