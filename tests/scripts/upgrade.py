# SPDX-License-Identifier: MIT
"""upgrade.py - XEP-0480: an account from elsewhere, with keys of SHA-1 only, gets the others."""

import base64
import hashlib
import hmac
import json
import os

import streams
import trees
from races import Race, fail_unless

NS = "urn:xmpp:sasl:2"
NS_UPGRADE = "urn:xmpp:sasl:upgrade:0"
NS_SCRAM = "urn:xmpp:scram-upgrade:0"
HASHES = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}
WANTED = ("SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512", "BLOOP2")


def encode(data):
    return base64.b64encode(data).decode()


def salted(mechanism, salt, iterations):
    return hashlib.pbkdf2_hmac(HASHES[mechanism], streams.PASSWORD.encode(), salt, iterations)


def only_sha1(play, user):
    """Leaves USER with the keys of SHA-1."""
    salt = os.urandom(16)
    key = salted("SCRAM-SHA-1", salt, 4096)
    stored = hashlib.sha1(hmac.digest(key, b"Client Key", "sha1")).digest()
    server = hmac.digest(key, b"Server Key", "sha1")
    line = {"account": play.to_server(f"{user}@example.com"),
            "credentials": f"v1;SHA-1:4096:{encode(salt)}:{encode(stored)}:{encode(server)}"}
    play.server.control("account", "import", "-", "--update", text=json.dumps(line) + "\n")


def open_stream(play, user):
    host = play.to_server("example.com")
    stream = streams.Stream("upgrade", play.server.tls_port, play.to_script)
    play.actors[f"upgrade {len(play.actors)}"] = stream
    stream.start_tls(host, play.ca_file(), direct=True)
    features = stream.open(host, f" from='{user}@{host}'")
    return stream, features


def prove(stream, user, mechanism, more):
    """SCRAM by SASL2. Returns what follows the proof."""
    name, nonce = HASHES[mechanism], encode(os.urandom(12))
    bare = f"n={user},r={nonce}"
    stream.send(f"<authenticate xmlns='{NS}' mechanism='{mechanism}'><initial-response>"
                f"{encode(f'n,,{bare}'.encode())}</initial-response>{more}</authenticate>")
    _, node = stream.next()
    challenge = base64.b64decode(node.text()).decode()
    fields = dict(field.split("=", 1) for field in challenge.split(","))
    key = salted(mechanism, base64.b64decode(fields["s"]), int(fields["i"]))
    without_proof = f"c=biws,r={fields['r']}"
    client_key = hmac.digest(key, b"Client Key", name)
    message = f"{bare},{challenge},{without_proof}".encode()
    signature = hmac.digest(hashlib.new(name, client_key).digest(), message, name)
    proof = bytes(a ^ b for a, b in zip(client_key, signature))
    final = f"{without_proof},p={encode(proof)}"
    stream.send(f"<response xmlns='{NS}'>{encode(final.encode())}</response>")
    return stream.next()[1]


def task_of(node):
    fail_unless(node.is_named(NS, "continue"), f"came: {node}")
    return node.find(NS, "tasks").elements()[0].text()


def begin(stream, mechanism):
    stream.send(f"<next xmlns='{NS}' task='UPGR-{mechanism}'/>")
    salt = stream.next()[1].find(NS_SCRAM, "salt")
    return base64.b64decode(salt.text()), int(salt.attributes["iterations"])


def answer(stream, data):
    stream.send(f"<task-data xmlns='{NS}'><hash xmlns='{NS_SCRAM}'>{encode(data)}</hash>"
                "</task-data>")
    return stream.next()[1]


def upgrades(names):
    return "".join(f"<upgrade xmlns='{NS_UPGRADE}'>UPGR-{name}</upgrade>" for name in names)


def all_hashes(play):
    """One after the other what is asked for and missing, nothing else; then they open the account."""
    only_sha1(play, "romeo")
    stream, features = open_stream(play, "romeo")
    offered = [node.text() for node in features.find(NS, "authentication").elements()
               if node.is_named(NS_UPGRADE, "upgrade")]
    fail_unless(offered == [f"UPGR-{name}" for name in HASHES], f"offered: {offered}")
    node = prove(stream, "romeo", "SCRAM-SHA-1", upgrades(WANTED))
    fail_unless(node.find(NS, "additional-data") is not None, f"no signature: {node}")
    for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
        fail_unless(task_of(node) == f"UPGR-{mechanism}", f"came: {node}")
        node = answer(stream, salted(mechanism, *begin(stream, mechanism)))
    fail_unless(node.is_named(NS, "success"), f"came: {node}")
    fail_unless(node.find(NS, "additional-data") is None, f"the signature twice: {node}")
    for mechanism in HASHES:
        stream, _ = open_stream(play, "romeo")
        node = prove(stream, "romeo", mechanism, upgrades(WANTED))
        fail_unless(node.is_named(NS, "success"), f"{mechanism}: {node}")


def broken_off(play):
    """Whatever is wrong in a task ends the login, and changes nothing."""
    only_sha1(play, "romeo")
    for wrong in (lambda s: s.send(f"<next xmlns='{NS}' task='UPGR-SCRAM-SHA-512'/>"),
                  lambda s: s.send(f"<abort xmlns='{NS}'/>"),
                  lambda s: s.send(f"<task-data xmlns='{NS}'/>"),
                  lambda s: (begin(s, "SCRAM-SHA-256"),
                             s.send(f"<task-data xmlns='{NS}'><hash xmlns='{NS_SCRAM}'>AAAA</hash>"
                                    "</task-data>"))):
        stream, _ = open_stream(play, "romeo")
        task_of(prove(stream, "romeo", "SCRAM-SHA-1", upgrades(WANTED)))
        wrong(stream)
        node = stream.next()[1]
        fail_unless(node.is_named(NS, "failure"), f"came: {node}")
    for early in (f"<response xmlns='{NS}'>AAAA</response>", "<presence/>",
                  f"<authenticate xmlns='{NS}' mechanism='SCRAM-SHA-1'/>"):
        stream, _ = open_stream(play, "romeo")
        task_of(prove(stream, "romeo", "SCRAM-SHA-1", upgrades(WANTED)))
        stream.send(early)
        node = stream.next()[1]
        fail_unless(node.name == f"{trees.NS_STREAM} error", f"{early}: {node}")
    stream, _ = open_stream(play, "romeo")
    node = prove(stream, "romeo", "SCRAM-SHA-256", "")
    fail_unless(node.find(streams.NS_SASL, "not-authorized") is not None, f"came: {node}")


def password_changed(play):
    """SEC-40: a task that was begun before a new password does not bring the old one back."""
    only_sha1(play, "romeo")
    stream, _ = open_stream(play, "romeo")
    task_of(prove(stream, "romeo", "SCRAM-SHA-1", upgrades(["SCRAM-SHA-256"])))
    key = begin(stream, "SCRAM-SHA-256")
    only_sha1(play, "romeo")
    node = answer(stream, salted("SCRAM-SHA-256", *key))
    fail_unless(node.find(streams.NS_SASL, "not-authorized") is not None, f"came: {node}")


def by_plain(play):
    """With PLAIN the server has what it needs, and no task is given."""
    only_sha1(play, "romeo")
    stream, _ = open_stream(play, "romeo")
    plain = encode(f"\0romeo\0{streams.PASSWORD}".encode())
    stream.send(f"<authenticate xmlns='{NS}' mechanism='PLAIN'><initial-response>{plain}"
                f"</initial-response>{upgrades(WANTED)}</authenticate>")
    node = stream.next()[1]
    fail_unless(node.is_named(NS, "success"), f"came: {node}")
    stream.bind("barrier")  # reads of the store come after the write
    stream, _ = open_stream(play, "romeo")
    node = prove(stream, "romeo", "SCRAM-SHA-512", "")
    fail_unless(node.is_named(NS, "success"), f"came: {node}")


def played(part):
    """PART, after which nobody looks at what else came."""
    def play(conversation):
        part(conversation)
        for stream in conversation.actors.values():
            stream.drop()
        conversation.actors.clear()
    return Race(f"upgrade: {part.__name__}", play, "romeo")


def scripts():
    return [played(part) for part in (all_hashes, broken_off, password_changed, by_plain)]
