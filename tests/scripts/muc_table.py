# SPDX-License-Identifier: MIT
"""muc_table.py - XEP-0045 §5 over the wire: everybody who can be in a moderated, semi-anonymous room,
and everybody who can ask from outside, tries everything (SEC-51). Each of them is a conversation.

The rows are the tables of §5.1.1 and §5.2.1. What one may not do at all is refused with <forbidden/>;
who may is told that the target is not there, which harms nobody.
"""

AFFILIATIONS = ("outcast", "none", "member", "admin", "owner")
ROLES = ("none", "visitor", "participant", "moderator")
# Who is what in the room: his affiliation and role. Role none: asks from outside.
ACTORS = [(affiliation, "none") for affiliation in AFFILIATIONS]
ACTORS += [(a, r) for a in ("none", "member") for r in ROLES[1:]]
ACTORS += [("admin", "moderator"), ("owner", "moderator")]

ROOM = "coven@rooms.example.com"
NOWHERE = "not-acceptable"  # what one hears who is not in the room, §7.4

# The action; what is sent; §5.1.1 by ROLES or §5.2.1 by AFFILIATIONS; what one gets who may.
BY_ROLE = [
    ("speak", "$say(speak|Boo)", "No No Yes Yes", "said"),
    ("subject", f"<message type='groupchat' id='subject' to='{ROOM}'><subject>Boo</subject></message>",
     "No No No Yes", "said"),
    ("pm", f"<message type='chat' id='pm' to='{ROOM}/nobody'><body>Boo</body></message>",
     "No Yes Yes Yes", "item-not-found"),
    ("invite", f"<message id='invite' to='{ROOM}'>$user(<invite to='@@'/>)</message>",
     "No Yes Yes Yes", "jid-malformed"),
    ("kick", "$set(kick|$admin(<item nick='nobody' role='none'/>))", "No No No Yes", "item-not-found"),
    ("grant", "$set(grant|$admin(<item nick='nobody' role='participant'/>))",
     "No No No Yes", "item-not-found"),
    ("revoke", "$set(revoke|$admin(<item nick='nobody' role='visitor'/>))",
     "No No No Yes", "item-not-found"),
    ("voices", "$get(voices|$admin(<item role='participant'/>))", "No No No Yes", "result"),
    ("moderate", "$set(moderate|<moderate xmlns='urn:xmpp:message-moderate:1' id='1'>"
     "<retract xmlns='urn:xmpp:message-retract:1'/></moderate>)", "No No No Yes", "item-not-found"),
]
BY_AFFILIATION = [
    ("register", "$get(register|<query xmlns='jabber:iq:register'/>)", "No Yes Yes Yes Yes", "result"),
    ("members", "$get(members|$admin(<item affiliation='member'/>))", "No No No Yes Yes", "result"),
    ("bans", "$get(bans|$admin(<item affiliation='outcast'/>))", "No No No Yes Yes", "result"),
    ("ban", "$set(ban|$admin(<item affiliation='outcast' jid='ghost@example.org'/>))",
     "No No No Yes Yes", "result"),
    ("unban", "$set(unban|$admin(<item affiliation='none' jid='ghost@example.org'/>))",
     "No No No Yes Yes", "result"),
    ("member", "$set(member|$admin(<item affiliation='member' jid='ghost@example.org'/>))",
     "No No No Yes Yes", "result"),
    ("moderators", "$get(moderators|$admin(<item role='moderator'/>))", "No No No Yes Yes", "result"),
    ("moderator", "$set(moderator|$admin(<item nick='nobody' role='moderator'/>))",
     "No No No Yes Yes", "item-not-found"),
    ("admins", "$get(admins|$admin(<item affiliation='admin'/>))", "No No No No Yes", "result"),
    ("owners", "$get(owners|$admin(<item affiliation='owner'/>))", "No No No No Yes", "result"),
    ("admin", "$set(admin|$admin(<item affiliation='admin' jid='ghost@example.org'/>))",
     "No No No No Yes", "result"),
    ("owner", "$set(owner|$admin(<item affiliation='owner' jid='ghost@example.org'/>))",
     "No No No No Yes", "result"),
    ("configure", "$get(configure|$owner())", "No No No No Yes", "result"),
    ("reconfigure", "$set(reconfigure|$config($field(muc#roomconfig_whois|nobody)))",
     "No No No No Yes", "not-acceptable"),
    ("avatar", "$set(avatar|<vCard xmlns='vcard-temp'/>)", "No No No No Yes", "result"),
    ("archive", "$get(archive|<metadata xmlns='urn:xmpp:mam:2'/>)", "No Yes Yes Yes Yes", "result"),
    ("destroy", "$set(destroy|$owner(<destroy jid='@@'/>))", "No No No No Yes", "jid-malformed"),
]
# Not §7.10's word for it.
REFUSALS = {"register": "not-allowed"}
KINDS = {"forbidden": "auth", "item-not-found": "cancel", "jid-malformed": "modify",
         "not-acceptable": "modify", "not-allowed": "cancel"}
MESSAGES = ("speak", "subject", "pm", "invite")


def answer(action, outcome):
    if outcome == "said":
        return f"<message type='groupchat' id='{action}' from='{ROOM}/actor'>{{...}}</message>"
    if outcome == "result":
        return f"<iq type='result' id='{action}' from='{ROOM}'>{{...}}</iq>"
    what = "message" if action in MESSAGES else "iq"
    sender = f"{ROOM}/nobody" if action == "pm" else ROOM
    return (f"<{what} type='error' id='{action}' from='{sender}'>"
            f"$refusal({KINDS[outcome]}|{outcome})</{what}>")


def attempts(affiliation, role):
    for action, sent, cells, outcome in BY_ROLE:
        allowed = cells.split()[ROLES.index(role)] == "Yes"
        if not allowed:
            outcome = NOWHERE if role == "none" and action in MESSAGES else "forbidden"
        yield action, sent, outcome
    for action, sent, cells, outcome in BY_AFFILIATION:
        if cells.split()[AFFILIATIONS.index(affiliation)] != "Yes":
            outcome = REFUSALS.get(action, "forbidden")
        yield action, sent, outcome


def conversation(affiliation, role):
    lines = ["include coven",
             "crone1/desktop > $set(c|$config($field(muc#roomconfig_moderatedroom|1)))",
             "crone1/desktop > $set(a|$admin(<item affiliation='%s' jid='actor@example.com'/>))"
             % affiliation,
             "crone1/desktop forgets", "actor/stage online"]
    if role != "none":
        lines += ["actor/stage > $join(actor)", "settle"]
        if affiliation in ("none", "member"):
            lines.append(f"crone1/desktop > $set(r|$admin(<item nick='actor' role='{role}'/>))")
        lines += ["actor/stage forgets"]
    for action, sent, outcome in attempts(affiliation, role):
        lines.append(f"actor/stage > {sent}")
        lines.append(f"actor/stage < {answer(action, outcome)}")
        if action == "avatar" and outcome == "result":
            lines.append("actor/stage forgets")
    lines.append("crone1/desktop forgets")
    return "\n".join(lines)


def scripts():
    for affiliation, role in ACTORS:
        yield f"muc_table: {affiliation}, {role}", conversation(affiliation, role)
