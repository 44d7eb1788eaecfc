# SPDX-License-Identifier: MIT
"""subscription_table.py - RFC 6121 appendix A, whole: what each subscription stanza, in and out, does
in each state. Each cell is a conversation.

Romeo's roster is in the state of the cell, Juliet's in one in which her server sends, or delivers, the
stanza in question. Then the state that follows is looked at: the push, the roster, and what an approval
(or pre-approval) does in it, which tells whether a request of hers is pending.
"""

# A state is a set of: listed (in the roster that clients see), to, from, out and in (pending).
STATES = {
    "Nothing": {},
    "Nothing + Pending In": {"in"},
    "None": {"listed"},
    "None + Pending Out": {"listed", "out"},
    "None + Pending In": {"listed", "in"},
    "None + Pending Out+In": {"listed", "out", "in"},
    "To": {"listed", "to"},
    "To + Pending In": {"listed", "to", "in"},
    "From": {"listed", "from"},
    "From + Pending Out": {"listed", "from", "out"},
    "Both": {"listed", "to", "from"},
}
NOTHING = {"Nothing": "None", "Nothing + Pending In": "None + Pending In"}  # as the tables see them

# Stanza: the new state where there is one; "route" is always, or only with a new state. A.2.
OUTBOUND = {
    "subscribe": ("always", {
        "None": "None + Pending Out", "None + Pending In": "None + Pending Out+In",
        "From": "From + Pending Out"}),
    "unsubscribe": ("always", {
        "None + Pending Out": "None", "None + Pending Out+In": "None + Pending In", "To": "None",
        "To + Pending In": "None + Pending In", "From + Pending Out": "From", "Both": "From"}),
    "subscribed": ("new state", {
        "None + Pending In": "From", "None + Pending Out+In": "From + Pending Out",
        "To + Pending In": "Both"}),
    "unsubscribed": ("new state", {
        "None + Pending In": "None", "None + Pending Out+In": "None + Pending Out",
        "To + Pending In": "To", "From": "None", "From + Pending Out": "None + Pending Out",
        "Both": "To"}),
}
# It is delivered with a new state only. A.3.
INBOUND = {
    "subscribe": {
        "None": "None + Pending In", "None + Pending Out": "None + Pending Out+In",
        "To": "To + Pending In"},
    "unsubscribe": {
        "None + Pending In": "None", "None + Pending Out+In": "None + Pending Out",
        "To + Pending In": "To", "From": "None", "From + Pending Out": "None + Pending Out",
        "Both": "To"},
    "subscribed": {
        "None + Pending Out": "To", "None + Pending Out+In": "To + Pending In",
        "From + Pending Out": "Both"},
    "unsubscribed": {
        "None + Pending Out": "None", "None + Pending Out+In": "None + Pending In", "To": "None",
        "To + Pending In": "None + Pending In", "From + Pending Out": "From", "Both": "From"},
}
# States of Juliet in which her server delivers what Romeo sends, or sends what she sends him.
DELIVERS = {"subscribe": "Nothing", "unsubscribe": "From", "subscribed": "None + Pending Out",
            "unsubscribed": "None + Pending Out"}
SENDS = {"subscribe": "Nothing", "unsubscribe": "Nothing", "subscribed": "None + Pending In",
         "unsubscribed": "None + Pending In"}


def words(state, is_approved=False):
    """The attributes of an item in that state, as clients see them."""
    subscription = {(0, 0): "none", (1, 0): "to", (0, 1): "from", (1, 1): "both"}[
        "to" in state, "from" in state]
    out = f"subscription='{subscription}'"
    if "out" in state:
        out += " ask='subscribe'"
    if is_approved:
        out += " approved='true'"
    return out


def stored(owner, contact, state):
    """The header line that puts the item there."""
    if not state:
        return []
    extra = " pending='true'" if "in" in state else ""
    extra += "" if "listed" in state else " hidden='true'"
    request = (f"<request><![CDATA[<presence type='subscribe' from='{contact}@example.com' "
               f"to='{owner}@example.com'></presence>]]></request>" if "in" in state else "")
    return [f"roster of {owner}: <item xmlns='jabber:iq:roster' jid='{contact}@example.com' "
            f"{words(state)}{extra} ver='1'>{request}</item>"]


def push(actor, contact, state, is_approved=False):
    return (f"{actor} <~ <iq type='set' id='{{any}}'><query xmlns='jabber:iq:roster' ver='{{any}}'>"
            f"<item jid='{contact}@example.com' {words(state, is_approved)}/></query></iq>")


def presence(actor, kind, sender, receiver):
    return (f"{actor} <~ <presence type='{kind}' from='{sender}@example.com' "
            f"to='{receiver}@example.com'/>")


def roster_is(state):
    item = (f"<item jid='juliet@example.com' {words(state)}/>" if "listed" in state else "")
    return ["romeo/orchard > <iq type='get' id='r2'><query xmlns='jabber:iq:roster'/></iq>",
            "romeo/orchard < <iq type='result' id='r2'><query xmlns='jabber:iq:roster' "
            f"ver='{{any}}'>{item}</query></iq>"]


def approval_tells(state):
    """§3.4.2: an approval in a state without a request is one in advance."""
    lines = ["romeo/orchard > <presence type='subscribed' to='juliet@example.com'/>"]
    if "in" in state:
        lines.append(push("romeo/orchard", "juliet", state - {"in"} | {"listed", "from"}))
    elif "from" not in state:
        lines.append(push("romeo/orchard", "juliet", state | {"listed"}, True))
    return lines + ["romeo/orchard gets nothing"]


def interested(actor):
    return [f"{actor} > <iq type='get' id='r1'><query xmlns='jabber:iq:roster'/></iq>",
            f"{actor} < <iq type='result' id='r1'><query xmlns='jabber:iq:roster' ver='{{any}}'>"
            "{...}</query></iq>"]


def next_state(table, name):
    """Of what is not in the roster, what follows is in it only when it was put there by its owner."""
    state = set(STATES[name])
    new = table.get(NOTHING.get(name, name))
    if new is None:
        return state, False
    new = set(STATES[new])
    if "listed" not in state and not new & {"to", "from", "out"}:
        new -= {"listed"}
    return new, True


def outbound(kind, name):
    rule, table = OUTBOUND[kind]
    state, is_new = next_state(table, name)
    peer = set(STATES[DELIVERS[kind]])
    peer_after, _ = next_state(INBOUND[kind], DELIVERS[kind])
    lines = stored("romeo", "juliet", set(STATES[name])) + stored("juliet", "romeo", peer)
    lines += ["juliet/balcony online"] + interested("romeo/orchard")
    lines.append(f"romeo/orchard > <presence type='{kind}' to='juliet@example.com/somewhere'/>")
    if is_new and "listed" in state:
        lines.append(push("romeo/orchard", "juliet", state))
    elif kind == "subscribed" and "from" not in state:
        lines.append(push("romeo/orchard", "juliet", state | {"listed"}, True))
    if is_new or rule == "always":
        lines.append(presence("juliet/balcony", kind, "romeo", "juliet"))
        if words(peer) != words(peer_after):
            lines.append(push("juliet/balcony", "romeo", peer_after))
    lines += ["juliet/balcony gets nothing", "romeo/orchard gets nothing"]
    if kind != "subscribed":
        lines += roster_is(state) + approval_tells(state)
        lines.append("juliet/balcony forgets")
    return lines


def inbound(kind, name):
    state, is_new = next_state(INBOUND[kind], name)
    old = set(STATES[name])
    # A probe of Romeo's must not find that the subscription is unknown to her (§4.3.2).
    peer = "From" if "to" in old and kind != "subscribed" else SENDS[kind]
    peer_after, peer_is_new = next_state(OUTBOUND[kind][1], peer)
    lines = stored("romeo", "juliet", old) + stored("juliet", "romeo", set(STATES[peer]))
    lines += interested("juliet/balcony")
    lines.append("romeo/orchard online" if kind == "subscribe" else "romeo/orchard connects")
    lines += interested("romeo/orchard")
    lines.append(f"juliet/balcony > <presence type='{kind}' to='romeo@example.com'/>")
    if peer_is_new and "listed" in peer_after:
        lines.append(push("juliet/balcony", "romeo", peer_after))
    if kind == "subscribe" and "from" in old:  # §3.1.3: the answer is known
        lines.append(presence("juliet/balcony", "subscribed", "romeo", "juliet"))
        lines.append(push("juliet/balcony", "romeo", peer_after - {"out"} | {"to"}))
    if is_new:
        lines.append(presence("romeo/orchard", kind, "juliet", "romeo"))
        if words(state) != words(old) and "listed" in state:
            lines.append(push("romeo/orchard", "juliet", state))
    lines += ["romeo/orchard gets nothing", "juliet/balcony gets nothing"]
    lines += roster_is(state) + approval_tells(state)
    return lines + ["juliet/balcony forgets"]


def scripts():
    for kind in OUTBOUND:
        for name in STATES:
            yield f"subscription_table: {kind} out of {name}", "\n".join(outbound(kind, name))
            yield f"subscription_table: {kind} into {name}", "\n".join(inbound(kind, name))
