# SPDX-License-Identifier: MIT
"""checks.py - what two servers must do for two users. Each check is a function that gets a Scene;
it runs with every peer, and the roles are those of its parameter names. Add one by writing it and
naming it in CHECKS.

A check leaves both users logged in, available, and without a subscription.
"""

import base64
import hashlib
import json
import time

from client import CLIENT, Client, Component, condition

MUC = "http://jabber.org/protocol/muc"
DISCO = "http://jabber.org/protocol/disco#info"
PUBSUB = "http://jabber.org/protocol/pubsub"
AVATAR = "urn:xmpp:avatar:"
MAM = "urn:xmpp:mam:2"


class Scene:
    """OURS is Recado, THEIRS the peer; `anna` is a user of ours, `bert` one of theirs, both online."""

    def __init__(self, world, ours, theirs):
        self.world, self.ours, self.theirs = world, ours, theirs
        self.anna = self.bert = None

    def log_in(self):
        self.anna, self.bert = Client(self.ours, "anna"), Client(self.theirs, "bert")
        for client in (self.anna, self.bert):
            come_back(client, False)

    def log_out(self):
        for client in (self.anna, self.bert):
            if client is not None and client.socket is not None:
                client.close()

    def settle(self):
        """Until we know of all that was sent to the other server that it has arrived. A pong that got
        lost when one of them began anew is waited for for a minute."""
        for _ in range(750):
            listed = self.ours.control("s2s", "list", "--json").stdout
            rows = [json.loads(line) for line in listed.splitlines()]
            if all(row.get("waiting_bytes", 0) == 0 for row in rows
                   if row["remote"] == self.theirs.domain):
                return
            time.sleep(0.1)
        raise AssertionError(f"not acknowledged: {rows}")

    def both_ways(self, check):
        check(self.anna, self.bert)
        check(self.bert, self.anna)


def message(scene):
    """Chat, to the bare and to the full address, in order."""
    def one_way(sender, recipient):
        for i in range(5):
            sender.message(recipient.bare, f"to the bare one {i} & <é>".replace("<", "&lt;")
                           .replace("& &", "&amp; &"))
        for i in range(5):
            got = recipient.wait(lambda e: e.tag.endswith("message"), "message", 40)
            body = got.findtext("{jabber:client}body")
            assert body == f"to the bare one {i} & <é>", body
            assert got.get("from") == sender.jid, got.get("from")
        sender.message(recipient.jid, "to the full one")
        recipient.wait_body("to the full one")
    scene.both_ways(one_way)


def iq(scene):
    """Questions to a client, a server and an account, and errors."""
    def one_way(asker, other):
        number = "ping1"
        asker.send(f"<iq type='get' id='{number}' to='{other.jid}'>"
                   "<ping xmlns='urn:xmpp:ping'/></iq>")
        question = other.wait(lambda e: e.find("{urn:xmpp:ping}ping") is not None, "ping")
        other.send(f"<iq type='result' id='{question.get('id')}' to='{question.get('from')}'/>")
        answer = asker.wait(lambda e: e.get("id") == number, "pong")
        assert answer.get("type") == "result" and answer.get("from") == other.jid
        info = asker.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>",
                         other.server.domain)
        assert info.get("type") == "result", info
        refused = asker.ask("get", "<query xmlns='urn:nobody:knows'/>", other.server.domain)
        assert refused.get("type") == "error", refused
    scene.both_ways(one_way)


def capabilities(scene):
    """A client is asked itself what it can do, at its full address (RFC 6121 §8.5.3.1)."""
    def one_way(asker, other):
        number = f"caps{asker.user}"
        asker.send(f"<iq type='get' id='{number}' to='{other.jid}'><query xmlns='{DISCO}'/></iq>")
        if not other.server.answers_for_clients:
            question = other.wait(lambda e: e.find(f"{{{DISCO}}}query") is not None, "disco#info")
            other.send(f"<iq type='result' id='{question.get('id')}' to='{question.get('from')}'>"
                       f"<query xmlns='{DISCO}'><feature var='urn:check'/></query></iq>")
        answer = asker.wait(lambda e: e.get("id") == number, "answer")
        said = [f.get("var") for f in answer.iter(f"{{{DISCO}}}feature")]
        assert ("urn:check" in said) != other.server.answers_for_clients, said
    scene.both_ways(one_way)


def nobody(scene):
    """A message to an account that is not there comes back as an error."""
    def one_way(sender, other):
        number = sender.message(f"nobody@{other.server.domain}", "is there anybody?")
        error = sender.wait_error(number)
        assert condition(error) in ("service-unavailable", "item-not-found"), condition(error)
    scene.both_ways(one_way)


def subscription(scene):
    """Asking, granting, presence both ways, a status, probes at login, and the end of it."""
    def one_way(asker, other):
        asker.presence("subscribe", other.bare)
        other.wait_presence("subscribe", asker.bare)
        other.presence("subscribed", asker.bare)
        asker.wait_presence("subscribed", other.bare)
        asker.wait_push(other.bare, "to")
        asker.wait_presence(None, other.jid)
        other.send("<presence><show>away</show><status>à table</status></presence>")
        asker.wait(lambda e: e.get("from") == other.jid
                   and e.findtext("{jabber:client}status") == "à table", "new status")
        again = Client(asker.server, asker.user, "second")  # hears of the other by a probe
        again.presence()
        again.wait_presence(None, other.jid)
        again.close()
        other.presence("unavailable")
        asker.wait_presence("unavailable", other.jid)
        other.presence()
        asker.wait_presence(None, other.jid)
        asker.ask("set", "<query xmlns='jabber:iq:roster'>"
                  f"<item jid='{other.bare}' subscription='remove'/></query>", None)
        other.wait_presence("unsubscribe", asker.bare)
        other.ask("set", "<query xmlns='jabber:iq:roster'>"
                  f"<item jid='{asker.bare}' subscription='remove'/></query>", None)
        asker.pending(), other.pending()
    scene.both_ways(one_way)


def subscription_offline(scene):
    """A request for somebody who is not there waits for the login."""
    scene.bert.close()
    scene.anna.presence("subscribe", f"carla@{scene.theirs.domain}")
    time.sleep(0.5)
    carla = Client(scene.theirs, "carla")
    carla.presence()
    carla.wait_presence("subscribe", scene.anna.bare)
    carla.presence("unsubscribed", scene.anna.bare)
    scene.anna.wait_presence("unsubscribed", carla.bare)
    scene.anna.ask("set", "<query xmlns='jabber:iq:roster'>"
                   f"<item jid='{carla.bare}' subscription='remove'/></query>", None)
    carla.close()
    scene.bert.log_in()
    scene.bert.presence()
    scene.anna.pending()


def directed_presence(scene):
    """Who got directed presence hears of the end of the session (RFC 6121 §4.6.3)."""
    def one_way(sender, other):
        guest = Client(sender.server, sender.user, "guest")
        guest.presence(None, other.jid)
        other.wait_presence(None, guest.jid)
        guest.close()
        other.wait_presence("unavailable", guest.jid)
    scene.both_ways(one_way)


def offline(scene):
    """A message for somebody who is away is there at the login, with its time."""
    def one_way(sender, other):
        other.close()
        time.sleep(0.2)
        sender.message(other.bare, f"while you were away, {other.user}")
        time.sleep(0.5)
        other.log_in()
        other.presence()
        got = other.wait_body(f"while you were away, {other.user}")
        assert got.find("{urn:xmpp:delay}delay") is not None
    scene.both_ways(one_way)


class Flow:
    """Messages of one to another, of which each must come once, or come back as an error."""

    number = 0

    def __init__(self, sender, recipient):
        Flow.number += 1
        self.sender, self.recipient = sender, recipient
        self.bodies, self.came, self.failed = {}, [], set()

    def send(self, count=10):
        for _ in range(count):
            body = f"message {self.number}.{len(self.bodies)}"
            self.bodies[self.sender.message(self.recipient.bare, body)] = body

    def collect(self, seconds=0.5):
        for stanza in self.recipient.pending(seconds):
            body = stanza.findtext("{jabber:client}body")
            if (stanza.tag.endswith("message") and stanza.get("type") != "error"
                    and (body or "").startswith(f"message {self.number}.")):
                self.came.append(body)

    def finish(self, seconds=60, may_repeat=()):
        end = time.monotonic() + seconds
        again = time.monotonic() + 8
        while time.monotonic() < end:
            self.collect(0.2)
            if time.monotonic() > again:
                # ejabberd may store a message in the moment of the login, and forget to deliver it.
                self.recipient.close()
                come_back(self.recipient)
                again = end
            for stanza in self.sender.pending(0.1):
                if stanza.get("type") == "error" and stanza.get("id") in self.bodies:
                    self.failed.add(self.bodies[stanza.get("id")])
            if set(self.bodies.values()) <= set(self.came) | self.failed:
                break
        self.collect(0.5)  # what comes twice comes late
        missing = [b for b in self.bodies.values() if b not in self.came and b not in self.failed]
        twice = sorted({b for b in self.came
                        if self.came.count(b) > 1 and b not in may_repeat})
        both = sorted(set(self.came) & self.failed)
        assert not missing, f"lost: {missing}"
        assert not twice, f"came twice: {twice}"
        assert not both, f"came, and came back as errors: {both}"


def come_back(client, log_in=True):
    if log_in:
        client.log_in(30)
    client.presence()
    client.ask("get", "<query xmlns='jabber:iq:roster'/>", None)  # it is through when this is


def peer_restarts(scene):
    """The other server is restarted in the middle: from us to it."""
    flow = Flow(scene.anna, scene.bert)
    flow.send()
    flow.collect()
    scene.settle()
    scene.bert.close()
    scene.theirs.stop()
    flow.send()
    scene.theirs.launch()
    flow.send()
    come_back(scene.bert)
    flow.finish()


def component(scene):
    """A component of ours writes to a user of the other server, who answers; and while that server is
    away."""
    service = Component(scene.ours)
    service.message(scene.bert.bare, "a service writes")
    got = scene.bert.wait_body("a service writes", 40)
    assert got.get("from") == service.bare, got.get("from")
    scene.bert.message(service.bare, "a user answers")
    service.wait(lambda e: e.findtext("{jabber:component:accept}body") == "a user answers"
                 and e.get("from") == scene.bert.jid, "answer", 40)
    number = service.message(f"nobody@{scene.theirs.domain}", "is there anybody?")
    service.wait_error(number)
    scene.settle()
    flow = Flow(service, scene.bert)
    scene.bert.close()
    scene.theirs.stop()
    flow.send()
    scene.theirs.launch()
    come_back(scene.bert)
    flow.finish()
    service.close()


def peer_is_killed(scene):
    """The same without a word."""
    flow = Flow(scene.anna, scene.bert)
    flow.send()
    flow.collect()
    scene.settle()
    scene.bert.close()
    before = set(flow.came)
    scene.theirs.kill()
    flow.send()
    scene.theirs.launch()
    come_back(scene.bert)
    # What a client without stream management had of it, a server may not remember.
    flow.finish(may_repeat=before)


def we_restart(scene):
    """We are restarted while what was accepted waits for a server that is not there."""
    flow = Flow(scene.anna, scene.bert)
    flow.send()
    flow.collect()
    scene.settle()
    scene.bert.close()
    scene.theirs.stop()
    flow.send()
    time.sleep(0.3)
    scene.anna.drop()
    assert scene.ours.stop() == 0
    scene.ours.launch()
    come_back(scene.anna)
    flow.send()
    scene.theirs.launch()
    come_back(scene.bert)
    flow.finish()


def we_are_killed(scene):
    """The same without a word: what was accepted is on the disk."""
    flow = Flow(scene.anna, scene.bert)
    scene.bert.close()
    scene.theirs.stop()
    flow.send()
    scene.anna.ask("get", "<ping xmlns='urn:xmpp:ping'/>", scene.ours.domain)
    time.sleep(0.5)
    scene.anna.drop()
    scene.ours.kill()
    scene.ours.launch()
    come_back(scene.anna)
    scene.theirs.launch()
    come_back(scene.bert)
    flow.finish()


def we_restart_incoming(scene):
    """We are restarted while the other server sends to us."""
    flow = Flow(scene.bert, scene.anna)
    flow.send()
    flow.collect()
    scene.anna.close()
    assert scene.ours.stop() == 0
    flow.send()
    scene.ours.launch()
    come_back(scene.anna)
    time.sleep(1)
    flow.send()
    flow.finish()


def link_cut(scene):
    """The way between the servers is cut for some seconds, and heals."""
    def one_way(sender, recipient):
        flow = Flow(sender, recipient)
        flow.send()
        scene.world.cut_off(scene.theirs, scene.ours)
        flow.send()
        time.sleep(3)
        scene.world.heal()
        flow.send()
        # jabberd2 may take the silence for an error of TLS and break the connection. What it had
        # not acknowledged, by stream management or a pong, is sent again then.
        flow.finish(may_repeat=flow.bodies.values() if not scene.theirs.survives_silence else ())
    scene.both_ways(one_way)


def enter(client, room, nick):
    """Returns when the subject has come, the last of all."""
    client.send(f"<presence to='{room}/{nick}'><x xmlns='{MUC}'><history maxstanzas='0'/></x></presence>")
    client.wait(lambda e: e.get("from") == room and e.find(CLIENT + "subject") is not None,
                f"subject of {room}")


def meet(room, owner, guest):
    """Each hears what the other says."""
    owner.send(f"<presence to='{room}/owner'><x xmlns='{MUC}'/></presence>")
    owner.wait_presence(None, f"{room}/owner")
    owner.ask("set", f"<query xmlns='{MUC}#owner'><x xmlns='jabber:x:data' type='submit'/></query>",
              room)
    enter(guest, room, "guest")
    for speaker, listener in ((owner, guest), (guest, owner)):
        text = f"{speaker.bare} says something in {room}"
        speaker.message(room, text, "groupchat")
        listener.wait_body(text)


def leave(client, room, nick):
    client.presence("unavailable", f"{room}/{nick}")
    client.wait_presence("unavailable", f"{room}/{nick}")


def rooms(scene):
    """Rooms of either side, with people of both."""
    ours = f"meeting@rooms.{scene.ours.domain}"
    meet(ours, scene.anna, scene.bert)
    if scene.theirs.rooms is not None:
        theirs = f"meeting@{scene.theirs.rooms}.{scene.theirs.domain}"
        meet(theirs, scene.bert, scene.anna)
        leave(scene.bert, theirs, "owner")
        leave(scene.anna, theirs, "guest")
    leave(scene.bert, ours, "guest")
    leave(scene.anna, ours, "owner")


def forgotten_seat(scene):
    """The other server begins anew, and its room knows nobody any more. Our server finds out, and
    tells its user (XEP-0410, XEP-0045 §9.1.12). A room of Recado remembers."""
    room = f"forgotten@{scene.theirs.rooms}.{scene.theirs.domain}"
    meet(room, scene.bert, scene.anna)
    scene.settle()
    scene.bert.drop()
    scene.theirs.kill()
    scene.theirs.launch()
    come_back(scene.bert)
    if not scene.theirs.forgets_seats:
        enter(scene.bert, room, "owner")
        scene.bert.message(room, "where were we?", "groupchat")
        scene.anna.wait_body("where were we?")
        leave(scene.anna, room, "guest")
        return
    gone = scene.anna.wait_presence("unavailable", f"{room}/guest", 40)
    codes = {status.get("code") for status in gone.iter(f"{{{MUC}#user}}status")}
    assert {"110", "333"} <= codes, codes


def befriend(watcher, other):
    """Until WATCHER sees the presence of OTHER."""
    watcher.presence("subscribe", other.bare)
    other.wait_presence("subscribe", watcher.bare)
    other.presence("subscribed", watcher.bare)
    watcher.wait_presence(None, other.jid)


def part(one, other):
    """The end of what befriend began, both ways."""
    for client, contact in ((one, other), (other, one)):
        client.ask("set", "<query xmlns='jabber:iq:roster'>"
                   f"<item jid='{contact.bare}' subscription='remove'/></query>", None)
        if client is one:
            other.wait_presence("unsubscribe", one.bare)
    one.pending(), other.pending()


def show_interest(client, wish):
    """Presence with capabilities (XEP-0115) that hold WISH, and an answer to who asks for them."""
    features = sorted([DISCO, wish])
    text = "client/pc//check<" + "".join(f + "<" for f in features)
    version = base64.b64encode(hashlib.sha1(text.encode()).digest()).decode()
    client.send("<presence><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' "
                f"node='http://check.example' ver='{version}'/></presence>")
    listed = "".join(f"<feature var='{f}'/>" for f in features)

    def answer(question):
        query = question.find(f"{{{DISCO}}}query")
        client.send(f"<iq type='result' id='{question.get('id')}' to='{question.get('from')}'>"
                    f"<query xmlns='{DISCO}' node='{query.get('node', '')}'>"
                    f"<identity category='client' type='pc' name='check'/>{listed}</query></iq>")
    return answer


def publish(client, node, number, payload):
    done = client.ask("set", f"<pubsub xmlns='{PUBSUB}'><publish node='{AVATAR}{node}'>"
                      f"<item id='{number}'>{payload}</item></publish></pubsub>", None)
    assert done.get("type") == "result", condition(done)


def avatar(scene):
    """A contact elsewhere hears of a new avatar, and fetches it (XEP-0084, XEP-0163)."""
    def one_way(publisher, watcher):
        befriend(watcher, publisher)
        befriend(publisher, watcher)  # whose server sees the wish in the presence
        answer = show_interest(watcher, AVATAR + "metadata+notify")
        picture = base64.b64encode(publisher.bare.encode()).decode()
        number = hashlib.sha1(publisher.bare.encode()).hexdigest()

        def is_news(element):
            """Questions are answered until the news comes: its server asks when it likes to."""
            if element.get("type") == "get" and element.find(f"{{{DISCO}}}query") is not None:
                if element.get("id") not in answered:
                    answered.add(element.get("id"))
                    answer(element)
            return (element.get("from") == publisher.bare
                    and element.find(f".//{{{AVATAR}metadata}}info") is not None)
        answered = set()
        publish(publisher, "data", number, f"<data xmlns='{AVATAR}data'>{picture}</data>")
        publish(publisher, "metadata", number, f"<metadata xmlns='{AVATAR}metadata'><info "
                f"bytes='{len(publisher.bare)}' id='{number}' type='image/png'/></metadata>")
        watcher.wait(is_news, f"avatar of {publisher.bare}")
        got = watcher.ask("get", f"<pubsub xmlns='{PUBSUB}'><items node='{AVATAR}data'>"
                          f"<item id='{number}'/></items></pubsub>", publisher.bare)
        assert got.findtext(f".//{{{AVATAR}data}}data") == picture, got.get("type")
        part(watcher, publisher)
    one_way(scene.anna, scene.bert)
    if scene.theirs.has_pep:
        one_way(scene.bert, scene.anna)
    scene.bert.presence()
    scene.anna.presence()


def archive(scene):
    """Either archive has both halves of the conversation, in order (XEP-0313)."""
    said = [f"for the archive {side} {scene.theirs.domain}" for side in ("from us", "to us")]
    for text, sender, other in ((said[0], scene.anna, scene.bert), (said[1], scene.bert, scene.anna)):
        sender.message(other.bare, text)
        other.wait_body(text)
    owners = [(scene.anna, scene.bert)]
    if scene.theirs.has_archive:
        owners.append((scene.bert, scene.anna))
    for owner, other in owners:
        done = owner.ask("set", f"<query xmlns='{MAM}'><x xmlns='jabber:x:data' type='submit'>"
                         f"<field var='FORM_TYPE' type='hidden'><value>{MAM}</value></field>"
                         f"<field var='with'><value>{other.bare}</value></field></x>"
                         "<set xmlns='http://jabber.org/protocol/rsm'><max>2</max><before/></set>"
                         "</query>", None)
        assert done.get("type") == "result", condition(done)
        found = [e.findtext(f".//{CLIENT}body") for e in owner.pending(0)
                 if e.find(f"{{{MAM}}}result") is not None]
        assert found == said, found


def blocking(scene):
    """Who is blocked gets an error, and the one who blocks sends nothing either (XEP-0191)."""
    def one_way(blocker, other):
        item = f"<item jid='{other.bare}'/>"
        done = blocker.ask("set", f"<block xmlns='urn:xmpp:blocking'>{item}</block>", None)
        assert done.get("type") == "result", condition(done)
        number = other.message(blocker.bare, "do you hear me?")
        assert condition(other.wait_error(number)) == "service-unavailable"
        number = blocker.message(other.bare, "I do not hear you")
        assert condition(blocker.wait_error(number)) == "not-acceptable"
        done = blocker.ask("set", f"<unblock xmlns='urn:xmpp:blocking'>{item}</unblock>", None)
        assert done.get("type") == "result", condition(done)
        other.message(blocker.bare, "and now?")
        blocker.wait_body("and now?")
        for client in (blocker, other):
            heard = [e.findtext(CLIENT + "body") for e in client.pending(0.1)
                     if e.get("type") != "error"]
            assert not [b for b in heard if b and "hear" in b], heard
    one_way(scene.anna, scene.bert)
    if scene.theirs.has_blocking:
        one_way(scene.bert, scene.anna)


def control(scene):
    """The operator sees the connection, ends it, tries the other server, and learns of failures."""
    domain = scene.theirs.domain
    done = scene.ours.control("s2s", "close", domain)
    assert done.returncode == 0, done
    done = scene.ours.control("check", domain)
    assert done.returncode == 0 and f"{domain}: ready at " in done.stdout, done
    listed = scene.ours.control("s2s", "list", "--json").stdout
    rows = [json.loads(line) for line in listed.splitlines()]
    assert any(r["remote"] == domain and r["state"] == "ready" for r in rows), rows
    for name, why in (("nowhere.example", "no such domain"), ("dead.example", "answer"),
                      ("refusing.example", "no XMPP server")):
        done = scene.ours.control("check", name)
        assert done.returncode == 1 and why in done.stdout, done
    number = scene.anna.message("x@nowhere.example", "is there such a domain?")
    assert condition(scene.anna.wait_error(number)) == "remote-server-not-found"


CHECKS = [message, control, iq, capabilities, nobody, subscription, subscription_offline, directed_presence, offline,
          rooms, avatar, archive, blocking, forgotten_seat, link_cut, component, peer_restarts, peer_is_killed,
          we_restart, we_are_killed, we_restart_incoming]
