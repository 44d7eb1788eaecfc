# SPDX-License-Identifier: MIT
"""people.py - what people do on a server before it is given up, and what they find on the next."""

import asyncio
import xml.etree.ElementTree as ET

import slixmpp
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

ACCOUNTS = {"alice": "wonder Land 1", "bob": "l00king-glass", "carol": "croquet"}
TEXTS = ["first & foremost", "second <message>", "naïve ünïcode ☺\nwith a second line"]
NS_PUBSUB = "http://jabber.org/protocol/pubsub"
NODES = [("urn:xmpp:bookmarks:1", "<item id='room@muc.example'><conference xmlns="
          "'urn:xmpp:bookmarks:1' name='R' autojoin='true'/></item>", "whitelist"),
         ("http://jabber.org/protocol/nick", "<item id='current'><nick xmlns="
          "'http://jabber.org/protocol/nick'>Al &amp; Co</nick></item>", "open")]
NS_PRIVATE, NS_ROSTER = "jabber:iq:private", "jabber:iq:roster"


class Client(slixmpp.ClientXMPP):
    def __init__(self, user, port, ca_file=None):
        super().__init__(f"{user}@localhost/here", ACCOUNTS[user])
        self.auto_authorize = None
        self.auto_subscribe = False
        self.force_starttls = False
        self["feature_mechanisms"].unencrypted_plain = True
        self["feature_mechanisms"].unencrypted_scram = True
        self.ssl_context.check_hostname = False
        self.ssl_context.verify_mode = 0
        self.came, self.requests = [], []
        self.started = asyncio.get_event_loop().create_future()
        self.add_event_handler("session_start", lambda _: self.settle(True))
        self.add_event_handler("failed_all_auth", lambda _: self.settle(False))
        self.add_event_handler("message", self.on_message)
        self.add_event_handler("presence_subscribe",
                               lambda p: self.requests.append(p["from"].bare))
        self.connect(("127.0.0.1", port), disable_starttls=False)

    def settle(self, is_in):
        if not self.started.done():
            self.started.set_result(is_in)

    def on_message(self, message):
        delay = message.xml.find("{urn:xmpp:delay}delay")
        self.came.append((message["from"].bare, message["body"],
                          delay.get("stamp")[:16] if delay is not None else None))

    async def ask(self, kind, xml):
        iq = self.make_iq(itype=kind)
        iq.append(ET.fromstring(xml) if isinstance(xml, str) else xml)
        return await iq.send(timeout=20)

    async def end(self):
        await self.disconnect(wait=2)


async def log_in(user, port):
    client = Client(user, port)
    if not await asyncio.wait_for(client.started, 30):
        raise AssertionError(f"{user} cannot log in")
    return client


async def live(port):
    """Everybody logs in; alice fills her account and goes; bob and carol want something of her."""
    alice, bob, carol = [await log_in(user, port) for user in ACCOUNTS]
    await alice.ask("set", f"<query xmlns='{NS_ROSTER}'><item jid='bob@localhost' name='B&amp;b'>"
                    "<group>Friends</group><group>Tea</group></item></query>")
    await alice.ask("set", f"<query xmlns='{NS_ROSTER}'><item jid='hatter@example.org'/></query>")
    await alice.ask("set", "<vCard xmlns='vcard-temp'><FN>Alice L.</FN><PHOTO><TYPE>image/png"
                    "</TYPE><BINVAL>iVBORw0KGgo=</BINVAL></PHOTO></vCard>")
    await alice.ask("set", f"<query xmlns='{NS_PRIVATE}'><prefs xmlns='urn:example:prefs' a='1'>"
                    "<nick>Alice</nick></prefs></query>")
    await alice.ask("set", "<block xmlns='urn:xmpp:blocking'><item jid='queen@example.org'/>"
                    "</block>")
    for node, item, access in NODES:
        await alice.ask("set", f"<pubsub xmlns='{NS_PUBSUB}'><publish node='{node}'>{item}"
                        "</publish><publish-options><x xmlns='jabber:x:data' type='submit'><field "
                        f"var='FORM_TYPE' type='hidden'><value>{NS_PUBSUB}#publish-options</value>"
                        "</field><field var='pubsub#persist_items'><value>true</value></field>"
                        f"<field var='pubsub#access_model'><value>{access}</value></field></x>"
                        "</publish-options></pubsub>")
    await alice.ask("set", "<prefs xmlns='urn:xmpp:mam:2' default='roster'><always><jid>"
                    "bob@localhost</jid></always><never><jid>queen@example.org</jid></never>"
                    "</prefs>")
    for client in (alice, bob):
        client.send_presence()
    alice.send_presence_subscription("bob@localhost", ptype="subscribe")
    await until(lambda: bob.requests)
    bob.send_presence_subscription("alice@localhost", ptype="subscribed")
    await asyncio.sleep(0.5)
    await alice.end()
    for i, text in enumerate(TEXTS):
        bob.send_message("alice@localhost", text, mtype="chat")
    carol.send_presence_subscription("alice@localhost", ptype="subscribe")
    await carol.ask("get", f"<query xmlns='{NS_ROSTER}'/>")
    await bob.ask("get", f"<query xmlns='{NS_ROSTER}'/>")
    await asyncio.sleep(0.5)
    await bob.end()
    await carol.end()


async def until(is_so, seconds=15):
    for _ in range(seconds * 20):
        if is_so():
            return
        await asyncio.sleep(0.05)


def canonical(element):
    """Some servers have their own order of a vCard's parts."""
    for parent in element.iter():
        parent[:] = sorted(parent, key=lambda child: child.tag)
    return ET.canonicalize(ET.tostring(element, encoding="unicode"), strip_text=True)


async def look_at_nodes(alice):
    nodes = []
    for node, _, _ in NODES:
        answer = await alice.ask("get", f"<pubsub xmlns='{NS_PUBSUB}'><items node='{node}'/>"
                                 "</pubsub>")
        config = await alice.ask("get", f"<pubsub xmlns='{NS_PUBSUB}#owner'><configure "
                                 f"node='{node}'/></pubsub>")
        access = [field.findtext("{jabber:x:data}value") for field in config.xml.iter(
            "{jabber:x:data}field") if field.get("var") == "pubsub#access_model"]
        for item in answer.xml.iter(f"{{{NS_PUBSUB}}}item"):
            nodes.append((node, item.get("id"), canonical(item[0]), access[0]))
    return nodes


async def look_at_archive(alice):
    """Its texts; they come before the answer."""
    results = []
    alice.register_handler(Callback("mam", MatchXPath(
        "{jabber:client}message/{urn:xmpp:mam:2}result"), lambda m: results.append(
            m.xml.findtext(".//{jabber:client}body"))))
    await alice.ask("set", "<query xmlns='urn:xmpp:mam:2'/>")
    return results


async def look(port, brings_nodes):
    """What alice finds, as a dictionary; offline messages are taken, so once."""
    alice = await log_in("alice", port)
    roster = (await alice.ask("get", f"<query xmlns='{NS_ROSTER}'/>")).xml[0]
    vcard = (await alice.ask("get", "<vCard xmlns='vcard-temp'/>")).xml[0]
    private = (await alice.ask("get", f"<query xmlns='{NS_PRIVATE}'><prefs "
                               "xmlns='urn:example:prefs'/></query>")).xml[0]
    blocked = (await alice.ask("get", "<blocklist xmlns='urn:xmpp:blocking'/>")).xml[0]
    prefs = (await alice.ask("get", "<prefs xmlns='urn:xmpp:mam:2'/>")).xml[0]
    nodes = await look_at_nodes(alice) if brings_nodes else None
    alice.send_presence()
    await until(lambda: len(alice.came) >= len(TEXTS) and alice.requests)
    await asyncio.sleep(0.5)
    archive = await look_at_archive(alice)
    found = {
        "roster": sorted((item.get("jid"), item.get("name") or "", item.get("subscription"),
                          item.get("ask"), tuple(sorted(g.text for g in item)))
                         for item in roster),
        "vcard": canonical(vcard), "private": canonical(private),
        "nodes": nodes, "archive": archive,
        "prefs": [prefs.get("default")] + sorted((rule.tag.split("}")[1], jid.text)
                                                 for rule in prefs for jid in rule),
        "blocked": sorted(item.get("jid") for item in blocked),
        "messages": [(who, text) for who, text, _ in alice.came],
        "stamps": [stamp for _, _, stamp in alice.came], "requests": sorted(set(alice.requests)),
    }
    await alice.end()
    for user in ("bob", "carol"):  # they can log in, too
        await (await log_in(user, port)).end()
    return found
