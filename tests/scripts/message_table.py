# SPDX-License-Identifier: MIT
"""message_table.py - RFC 6121 §8.5.4, whole: what becomes of a message, by who is there, which
address it is to, and its type. Each cell is a conversation.

D: to the one session.  A: to all with a priority that is not negative.  O: kept offline.
E: <service-unavailable/>.  S: ignored, silently.

Where the table says S for a message that its sender may care about, §8.5.1 and §8.5.3.2.1 leave the
choice between that and an error; we tell the sender. Where it says M (§8.5.2.1.1), the choice is ours
too: to all.
"""

TYPES = ("normal", "chat", "groupchat", "headline", "error")
# Who is there; the address; what happens to each of TYPES.
ROWS = [
    ("nobody", "bare", "E E E E S"),
    ("nobody", "no match", "E E E E S"),
    ("no session", "bare", "O O E S S"),
    ("no session", "no match", "E O E S S"),
    ("negative only", "bare", "O O E S S"),
    ("negative only", "match", "D D D D D"),
    ("negative only", "no match", "E O E S S"),
    ("one", "bare", "D D E D S"),
    ("one", "match", "D D D D D"),
    ("one", "no match", "E D E S S"),
    ("several", "bare", "A A E A S"),
    ("several", "match", "D D D D D"),
    ("several", "no match", "E A E S S"),
]
# Sessions of juliet and their priorities. The first is the one that a full JID means.
SESSIONS = {
    "nobody": None,
    "no session": {},
    "negative only": {"balcony": -1, "cellar": -128},
    "one": {"balcony": 0},
    "several": {"balcony": 1, "chamber": 0, "cellar": -1},
}
ADDRESSES = {
    "bare": "juliet@example.com",
    "match": "juliet@example.com/balcony",
    "no match": "juliet@example.com/nowhere",
}
BODY = "<body>O Romeo, Romeo! wherefore art thou Romeo?</body><thread>e0ffe42b</thread>"


def takers(action, sessions):
    willing = [name for name, priority in sessions.items() if priority >= 0]
    return {"D": list(sessions)[:1], "A": willing}.get(action, [])


def conversation(who, address, kind, action):
    sessions = SESSIONS[who]
    to = ADDRESSES[address]
    words = "" if kind == "normal" else f" type='{kind}'"
    lines = [] if sessions is None else ["accounts: juliet"]
    for name, priority in (sessions or {}).items():
        lines.append(f"juliet/{name} online {priority}")
    lines += [f"juliet/{name} forgets" for name in sessions or {}]
    lines.append(f"romeo/orchard > <message{words} id='m1' to='{to}'>{BODY}</message>")
    message = f"<message{words} id='m1' from='romeo@example.com/orchard' to='{to}'>"
    for name in takers(action, sessions or {}):
        lines.append(f"juliet/{name} < {message}{BODY}</message>")
    if action == "E":
        lines.append(f"romeo/orchard < <message type='error' id='m1' from='{to}'>"
                     "{error:cancel service-unavailable}</message>")
    for name in sessions or {}:
        lines.append(f"juliet/{name} gets nothing")
    lines.append("romeo/orchard gets nothing")
    if sessions is not None:
        lines += next_login(sessions, message, action == "O")
    return "\n".join(lines)


def next_login(sessions, message, is_kept):
    """What was kept comes to the next session that takes messages, and nothing else does."""
    lines = ["juliet/garden connects", "juliet/garden > <presence/>",
             "juliet/garden <~ <presence from='juliet@example.com/garden'/>"]
    for name, priority in sessions.items():
        lines.append(f"juliet/garden <~ <presence from='juliet@example.com/{name}'>"
                     f"<priority>{priority}</priority></presence>")
    if is_kept:
        lines.append(f"juliet/garden <~ {message}<delay xmlns='urn:xmpp:delay' from='example.com' "
                     f"stamp='{{any}}'/>{BODY}</message>")
    lines.append("juliet/garden gets nothing")
    lines += [f"juliet/{name} forgets" for name in sessions]
    return lines


def scripts():
    for who, address, actions in ROWS:
        for kind, action in zip(TYPES, actions.split()):
            yield (f"message_table: {kind} to {address}, {who}: {action}",
                   conversation(who, address, kind, action))
