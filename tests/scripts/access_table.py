# SPDX-License-Identifier: MIT
"""access_table.py - who gets what of an account's node (SEC-53): each access model (XEP-0060 §4.5) and each
relation to the owner is a conversation. They ask for the items and for the node's description, subscribe, are (or
are not) notified for being contacts, and come online later.

A: all of it.  P: <presence-subscription-required/>.  G: <not-in-roster-group/>.  C: <closed-node/>.
S: has to be approved.  F: <forbidden/>.
"""

RELATIONS = ("self", "group", "contact", "stranger", "remote", "member", "outcast")
ROWS = {
    "open": "A A A A A A F",
    "presence": "A A A P P A F",
    "roster": "A A G G G A F",
    "authorize": "A S S S S A F",
    "whitelist": "A C C C C A F",
}
ERRORS = {
    "P": ("auth", "not-authorized", "presence-subscription-required"),
    "G": ("auth", "not-authorized", "not-in-roster-group"),
    "C": ("cancel", "not-allowed", "closed-node"),
    "S": ("auth", "not-authorized", "not-subscribed"),
    "F": ("auth", "forbidden", None),
}
# Who has a presence subscription, and so may be notified without a subscription of his own.
CONTACTS = ("self", "group", "contact", "member", "outcast")
PUBSUB = "http://jabber.org/protocol/pubsub"
FIELD = "<field var='{}'><value>{}</value></field>"
NODE = "n"


def peer_of(relation):
    return {"self": "juliet@example.com", "remote": "romeo@example.net"}.get(
        relation, "romeo@example.com")


def item(secret):
    return f"<item id='{secret}'><x xmlns='y'>{secret}</x></item>"


def error(code):
    kind, condition, specific = ERRORS[code]
    inner = f"<{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
    if specific:
        inner += f"<{specific} xmlns='{PUBSUB}#errors'/>"
    return f"<error type='{kind}'>{inner}</error>"


def rosters(relation, peer):
    if relation not in CONTACTS[1:]:
        return []
    group = "<group>Friends</group>" if relation == "group" else "<group>Others</group>"
    return [f"roster of juliet: <item xmlns='jabber:iq:roster' jid='{peer}' subscription='both' "
            f"ver='1'>{group}</item>",
            f"roster of {peer.removesuffix('@example.com')}: <item xmlns='jabber:iq:roster' "
            "jid='juliet@example.com' subscription='both' ver='1'/>"]


def publish(ident, secret):
    return (f"juliet/balcony > <iq type='set' id='{ident}'><pubsub xmlns='{PUBSUB}'>"
            f"<publish node='{NODE}'>{item(secret)}</publish></pubsub></iq>\n"
            f"juliet/balcony < <iq type='result' id='{ident}'>{{...}}</iq>")


def make_node(model):
    form = (FIELD.format("FORM_TYPE", f"{PUBSUB}#node_config") +
            FIELD.format("pubsub#access_model", model) +
            FIELD.format("pubsub#roster_groups_allowed", "Friends"))
    return (f"juliet/balcony > <iq type='set' id='c'><pubsub xmlns='{PUBSUB}'><create node='{NODE}'/>"
            f"<configure><x xmlns='jabber:x:data' type='submit'>{form}</x></configure></pubsub></iq>\n"
            "juliet/balcony < <iq type='result' id='c'/>")


def affiliate(relation, peer):
    if relation not in ("member", "outcast"):
        return []
    return [f"juliet/balcony > <iq type='set' id='a'><pubsub xmlns='{PUBSUB}#owner'>"
            f"<affiliations node='{NODE}'><affiliation jid='{peer}' affiliation='{relation}'/>"
            "</affiliations></pubsub></iq>",
            "juliet/balcony < <iq type='result' id='a'/>"]


def notified(actor, secret):
    return (f"{actor} < <message from='juliet@example.com' type='headline' id='{{any}}'>"
            f"<event xmlns='{PUBSUB}#event'><items node='{NODE}'>{item(secret)}</items></event>"
            "{...}</message>")


def ask(actor, code):
    to = "" if actor.startswith("juliet") else " to='juliet@example.com'"
    back = "" if actor.startswith("juliet") else " from='juliet@example.com'"
    answer = (f"type='result'{back} id='g'><pubsub xmlns='{PUBSUB}'><items node='{NODE}'>"
              f"{item('secret1')}</items></pubsub></iq>" if code == "A"
              else f"type='error'{back} id='g'>{error(code)}</iq>")
    lines = [f"{actor} > <iq type='get'{to} id='g'><pubsub xmlns='{PUBSUB}'><items node='{NODE}'/>"
             "</pubsub></iq>", f"{actor} < <iq {answer}",
             f"{actor} > <iq type='get'{to} id='d'><query "
             f"xmlns='http://jabber.org/protocol/disco#items' node='{NODE}'/></iq>"]
    if code == "A":
        lines.append(f"{actor} < <iq type='result'{back} id='d'><query "
                     f"xmlns='http://jabber.org/protocol/disco#items' node='{NODE}'>"
                     "<item jid='juliet@example.com' name='secret1'/></query></iq>")
    else:
        lines.append(f"{actor} < <iq type='error'{back} id='d'>{error(code)}</iq>")
    return lines


def subscription(actor, peer, code):
    to = " to='juliet@example.com'"
    lines = [f"{actor} > <iq type='set'{to} id='s'><pubsub xmlns='{PUBSUB}'>"
             f"<subscribe node='{NODE}' jid='{peer}'/></pubsub></iq>"]
    if code in "AS":
        state = "subscribed" if code == "A" else "pending"
        lines.append(f"{actor} <~ <iq type='result' from='juliet@example.com' id='s'><pubsub "
                     f"xmlns='{PUBSUB}'><subscription node='{NODE}' jid='{peer}' "
                     f"subscription='{state}'/></pubsub></iq>")
        if code == "A":
            lines.append(notified(actor, "secret2").replace(" < ", " <~ ", 1))
    else:
        lines.append(f"{actor} < <iq type='error' from='juliet@example.com' id='s'>{error(code)}</iq>")
    return lines


def conversation(model, relation, code):
    peer = peer_of(relation)
    actor = f"{peer.removesuffix('@example.com')}/orchard"
    lines = rosters(relation, peer) + ["juliet/balcony connects", make_node(model)]
    lines += affiliate(relation, peer) + [publish("p1", "secret1")]
    # Whoever comes online gets the last item, or nothing.
    lines.append(f"{actor} wants {NODE}")
    may_hear = code == "A" and relation in CONTACTS
    if may_hear:
        lines.append(notified(actor, "secret1"))
    lines.append(f"{actor} gets nothing")
    lines += ask(actor, code)
    lines.append(publish("p2", "secret2"))
    if may_hear:
        lines.append(notified(actor, "secret2"))
    lines.append(f"{actor} gets nothing")
    if relation != "self":
        lines += subscription(actor, peer, code)
        lines.append("juliet/balcony forgets")
        lines.append(publish("p3", "secret3"))
        if code == "A":  # once, although there are two reasons
            lines.append(notified(actor, "secret3"))
        lines.append(f"{actor} gets nothing")
    return "\n".join(lines)


def scripts():
    for model, row in ROWS.items():
        for relation, code in zip(RELATIONS, row.split()):
            yield f"sec53 {model}, {relation}", conversation(model, relation, code)
