#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""nbxmpp_client.py - nbxmpp, the library of Gajim, driven by lines (client_protocol.md)."""

import sys

import gi
gi.require_version("Soup", "3.0")
from gi.repository import Gio, GLib  # noqa: E402
from nbxmpp.client import Client  # noqa: E402
from nbxmpp.const import ConnectionProtocol, ConnectionType, Mode  # noqa: E402
from nbxmpp.namespaces import Namespace  # noqa: E402
from nbxmpp.protocol import JID as Address, Message, Presence  # noqa: E402
from nbxmpp.structs import StanzaHandler  # noqa: E402

PORT, MODE, JID, PASSWORD, CA_FILE = sys.argv[1:6]
LOOP = GLib.MainLoop()


def say(*words):
    print("\t".join(str(word or "") for word in words), flush=True)


class Session:
    def __init__(self):
        address = Address.from_string(JID)
        self.client = Client(log_context="test")
        self.client.set_domain(address.domain)
        self.client.set_username(address.localpart)
        self.client.set_resource(address.resource)
        self.client.set_password(PASSWORD)
        self.client.set_mode(Mode.CLIENT)
        kind = ConnectionType.DIRECT_TLS if MODE == "tls" else ConnectionType.START_TLS
        self.client.set_custom_host(f"127.0.0.1:{PORT}", ConnectionProtocol.TCP, kind)
        self.client.set_accepted_certificates([Gio.TlsCertificate.new_from_file(CA_FILE)])
        self.client.subscribe("resume-failed", lambda *_: None)
        self.client.subscribe("connected", self.on_connected)
        self.client.subscribe("connection-failed", self.on_end)
        self.client.subscribe("disconnected", self.on_end)
        self.client.subscribe("login-successful", lambda *_: None)
        self.client.register_handler(StanzaHandler("message", self.on_message, priority=60))
        self.client.register_handler(StanzaHandler("presence", self.on_presence, priority=60))
        self.client.register_handler(StanzaHandler("iq", self.on_push, typ="set",
                                                   ns=Namespace.ROSTER, priority=60))

    def on_connected(self, *_):
        say("online", self.client.get_bound_jid())
        self.client.get_module("Roster").request_roster(None, callback=self.on_roster)

    def on_roster(self, task):
        roster = task.finish()
        for item in roster.items or []:
            say("item", item.jid, item.subscription, item.name)
        self.client.send_stanza(Presence())
        say("ready")

    def on_push(self, _client, _stanza, properties):
        item = properties.roster.item
        say("item", item.jid, item.subscription, item.name)

    def on_message(self, _client, _stanza, properties):
        if properties.body:
            say("message", properties.from_ or properties.jid, properties.body)

    def on_presence(self, _client, stanza, _properties):
        say("presence", stanza.getFrom(), stanza.getType() or "available")

    def on_end(self, client, *_):
        error = client.get_error()
        if error[0] is not None and error[1] != "stream-end":
            print(error, file=sys.stderr)
        say("offline")
        LOOP.quit()

    def obey(self, line):
        verb, *words = line.rstrip("\n").split("\t")
        if verb == "message":
            self.client.send_stanza(Message(to=words[0], body=words[1], typ="chat"))
        elif verb == "add":
            self.client.get_module("Roster").set_item(Address.from_string(words[0]), words[1])
        elif verb == "remove":
            self.client.get_module("Roster").delete_item(Address.from_string(words[0]))
        elif verb == "quit":
            self.client.send_stanza(Presence(typ="unavailable"))
            self.client.disconnect()
        else:
            self.client.send_stanza(Presence(to=words[0], typ=verb))

    def on_input(self, channel, _condition):
        line = channel.readline()
        if line:
            self.obey(line)
        return bool(line)


def main():
    session = Session()
    session.client.connect()
    GLib.io_add_watch(GLib.IOChannel.unix_new(0), GLib.PRIORITY_DEFAULT,
                      GLib.IO_IN | GLib.IO_HUP, session.on_input)
    LOOP.run()


main()
