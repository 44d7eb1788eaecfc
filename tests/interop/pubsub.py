#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""pubsub.py - slixmpp's clients publish, subscribe and are notified: avatars (XEP-0084, XEP-0398), nicknames
(XEP-0172), bookmarks (XEP-0402), and nodes of a service (XEP-0060).

Prints each thing that it checked; exits 0, 1 at the first that failed, or 77.
"""

import asyncio
import hashlib
import os
import sys
import time
import xml.etree.ElementTree as ElementTree

try:
    import slixmpp
    from slixmpp.exceptions import IqError
except ImportError:
    print("slixmpp is not there")
    sys.exit(77)

HOST, PATIENCE = "localhost", 30
SERVICE = f"pubsub.{HOST}"
STARTED = time.monotonic()
PLUGINS = ("xep_0030", "xep_0004", "xep_0060", "xep_0115", "xep_0163", "xep_0084", "xep_0172",
           "xep_0054")
IMAGE = b"\x89PNG\r\n\x1a\n" + b"recado" * 100


def env(name):
    return os.environ["RECADO_INTEROP_" + name]


def checked(what):
    print(f"  ok at {time.monotonic() - STARTED:4.1f} s: {what}", flush=True)


class Client(slixmpp.ClientXMPP):
    def __init__(self, user, resource, interests):
        super().__init__(f"{user}@{HOST}/{resource}", env("PASSWORD"))
        self.ca_certs = env("CA_FILE")
        self.ready = asyncio.get_event_loop().create_future()
        self.events, self.interests = asyncio.Queue(), interests
        for plugin in PLUGINS:
            self.register_plugin(plugin)
        self.add_event_handler("session_start", self.on_start)
        for name in ("avatar_metadata_publish", "user_nick_publish", "bookmarks2_publish"):
            self.add_event_handler(name, self.on_event)
        self.add_event_handler("pubsub_publish", self.on_event)
        self.add_event_handler("pubsub_retract", self.on_event)

    async def on_start(self, _):
        for namespace in self.interests:
            self.plugin["xep_0163"].add_interest(namespace)
        await self.get_roster()
        await self.plugin["xep_0115"].update_caps()
        self.send_presence()
        self.ready.set_result(None)

    def on_event(self, message):
        items = message["pubsub_event"]["items"]
        self.events.put_nowait((items["node"], message))

    async def hears_of(self, node):
        while True:
            name, message = await asyncio.wait_for(self.events.get(), PATIENCE)
            if name == node:
                return message


async def log_in(user, resource, *interests):
    client = Client(user, resource, interests)
    client.connect(("127.0.0.1", int(env("PORT"))))
    await asyncio.wait_for(client.ready, PATIENCE)
    return client


async def befriend(first, second):
    for one, other in ((first, second), (second, first)):
        one.auto_authorize = one.auto_subscribe = True
        one.send_presence(pto=other.boundjid.bare, ptype="subscribe")
    for _ in range(100):
        await asyncio.sleep(0.1)
        if all(one.client_roster[other.boundjid.bare]["subscription"] == "both"
               for one, other in ((first, second), (second, first))):
            return
    raise RuntimeError("they do not become contacts")


async def avatars(first, second):
    ident = hashlib.sha1(IMAGE).hexdigest()
    await first["xep_0084"].publish_avatar(IMAGE)
    await first["xep_0060"].set_node_config(first.boundjid.bare, "urn:xmpp:avatar:data",
                                            open_form(first))
    await first["xep_0084"].publish_avatar_metadata(
        {"id": ident, "type": "image/png", "bytes": len(IMAGE)})
    message = await second.hears_of("urn:xmpp:avatar:metadata")
    if message["from"].full != first.boundjid.bare:
        raise RuntimeError(f"a notification from {message['from']}")
    got = await second["xep_0084"].retrieve_avatar(first.boundjid.bare, ident)
    if got["pubsub"]["items"]["item"]["avatar_data"]["value"] != IMAGE:
        raise RuntimeError("another avatar came")
    checked("an avatar is published; a contact hears of it and gets it (XEP-0084)")


def open_form(client):
    form = client["xep_0004"].make_form("submit")
    form.add_field("FORM_TYPE", "hidden", value="http://jabber.org/protocol/pubsub#node_config")
    form.add_field("pubsub#access_model", value="open")
    return form


async def nicknames(first, second):
    await first["xep_0172"].publish_nick("Zé")
    message = await second.hears_of("http://jabber.org/protocol/nick")
    if message["pubsub_event"]["items"]["item"]["nick"]["nick"] != "Zé":
        raise RuntimeError("another nickname came")
    checked("a nickname (XEP-0172)")


async def bookmarks(first, device):
    room = f"quarto@rooms.{HOST}"
    conference = ElementTree.fromstring(
        "<conference xmlns='urn:xmpp:bookmarks:1' name='Quarto' autojoin='true'/>")
    form = first["xep_0004"].make_form("submit")
    form.add_field("FORM_TYPE", "hidden",
                   value="http://jabber.org/protocol/pubsub#publish-options")
    for name, value in (("persist_items", "true"), ("max_items", "max"),
                        ("send_last_published_item", "never"), ("access_model", "whitelist")):
        form.add_field(f"pubsub#{name}", value=value)
    await first["xep_0060"].publish(first.boundjid.bare, "urn:xmpp:bookmarks:1", id=room,
                                    payload=conference, options=form)
    await device.hears_of("urn:xmpp:bookmarks:1")
    got = await device["xep_0060"].get_items(device.boundjid.bare, "urn:xmpp:bookmarks:1")
    if [item["id"] for item in got["pubsub"]["items"]] != [room]:
        raise RuntimeError("other bookmarks came")
    checked("a bookmark is at the other device (XEP-0402)")


async def is_closed(stranger, owner):
    try:
        await stranger["xep_0060"].get_items(owner.boundjid.bare, "urn:xmpp:bookmarks:1")
    except IqError as error:
        if error.condition != "not-allowed":
            raise
        checked("and nobody else's (XEP-0223)")
        return
    raise RuntimeError("bookmarks are for everybody")


async def service(first, second):
    node = f"n{os.getpid()}"
    await first["xep_0060"].create_node(SERVICE, node)
    await second["xep_0060"].subscribe(SERVICE, node)
    payload = ElementTree.fromstring("<entry xmlns='http://www.w3.org/2005/Atom'/>")
    await first["xep_0060"].publish(SERVICE, node, id="um", payload=payload)
    message = await second.hears_of(node)
    if message["from"].full != SERVICE:
        raise RuntimeError(f"a notification from {message['from']}")
    await first["xep_0060"].retract(SERVICE, node, "um", notify=True)
    await second.hears_of(node)
    await first["xep_0060"].delete_node(SERVICE, node)
    checked("a node of the service: made, subscribed to, published at, deleted (XEP-0060)")


async def story():
    interests = ("urn:xmpp:avatar:metadata", "http://jabber.org/protocol/nick",
                 "urn:xmpp:bookmarks:1")
    first = await log_in(env("FIRST"), "a", *interests)
    device = await log_in(env("FIRST"), "b", *interests)
    second = await log_in(env("SECOND"), "a", *interests)
    await befriend(first, second)
    checked("three sessions of two contacts")
    await nicknames(first, second)
    await avatars(first, second)
    await bookmarks(first, device)
    await is_closed(second, first)
    await service(first, second)
    late = await log_in(env("SECOND"), "late", *interests)
    await late.hears_of("http://jabber.org/protocol/nick")
    checked("whoever comes online later gets the last nickname (XEP-0163 §4.3.4)")
    for client in (first, device, second, late):
        await client.disconnect()


def main():
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(asyncio.wait_for(story(), 100))
    except (RuntimeError, IqError, asyncio.TimeoutError) as error:
        print(f"FAILED: {type(error).__name__} {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
