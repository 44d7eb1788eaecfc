# SPDX-License-Identifier: MIT
"""profanity.py - Profanity in a terminal, as a person uses it: keys go in, the screen is read.

Commands are typed into a tmux that belongs to this test. What happened is taken from Profanity's
debug log, which has each stanza that it received; a login counts when the screen says so, and a
message when its text stands in its window.
"""

import os
import pathlib
import re
import subprocess
import threading
import time
import xml.etree.ElementTree as ElementTree

from clients import PATIENCE, Client, Failure

NS_ROSTER = "{jabber:iq:roster}"
NS_MUC_USER = "{http://jabber.org/protocol/muc#user}"
NS_OMEMO = "{eu.siacs.conversations.axolotl}"
NS_RETRACT = "{urn:xmpp:message-retract:1}"
RECEIVED = re.compile(r"^\S+ xmpp: DBG: RECV: (<(iq|message|presence)\b.*)$")


def local(element):
    return element.tag.rsplit("}", 1)[-1]


class Profanity(Client):
    def __init__(self):
        super().__init__("profanity", [])
        self.home = pathlib.Path(os.environ["HOME"]) / f"profanity-{id(self):x}"
        self.screen_lock = threading.Lock()
        self.stop_reading = threading.Event()
        self.reader = None
        self.starts = 0
        self.terminal = None

    # -- the terminal

    def tmux(self, *words):
        return subprocess.run(["tmux", "-u", "-S", str(self.terminal), "-f", "/dev/null",
                               *words], capture_output=True, text=True, check=False, timeout=10,
                              env=dict(os.environ, HOME=str(self.home), LC_ALL="C.UTF-8",
                                       TERM="screen", SSL_CERT_FILE=self.ca_file))

    def type(self, line):
        self.tmux("send-keys", "-l", "--", line)
        self.tmux("send-keys", "Enter")

    def screen(self):
        return self.tmux("capture-pane", "-p").stdout

    def see(self, text):
        """Waits until TEXT stands on the screen."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.screen():
            if time.monotonic() > deadline:
                raise Failure(f"profanity does not show {text!r}; its screen:\n{self.screen()}")
            time.sleep(0.05)

    # -- starting and stopping

    def start(self, port, mode, jid, password, ca_file):
        self.jid = jid
        self.ca_file = str(ca_file)
        self.events.clear()
        self.roster.clear()
        self.home.mkdir(exist_ok=True)
        self.starts += 1
        self.terminal = self.home / f"tmux-{self.starts}"  # the last one may still be ending
        self.log = self.home / f"log-{self.starts}"
        self.tmux("new-session", "-d", "-x", "150", "-y", "50",
                  f"exec profanity -l DEBUG -f {self.log}")
        self.see("Type '/help'")
        # The certificate is trusted by a word after STARTTLS, as an authority with direct TLS.
        tls = "legacy" if mode == "tls" else "trust"
        self.type(f"/connect {jid} server 127.0.0.1 port {port} tls {tls}")
        self.see("Enter password:")
        self.type(password)
        self.see("logged in successfully")
        self.happened(["online", jid])
        self.stop_reading = threading.Event()
        self.reader = threading.Thread(target=self._follow, args=(self.log, self.stop_reading),
                                       daemon=True)
        self.reader.start()

    def kill(self):
        pane = self.tmux("display-message", "-p", "#{pane_pid}").stdout.strip() \
            if self.reader else ""
        self.stop_reading.set()
        if pane.isdigit():
            try:
                os.kill(int(pane), 9)
            except ProcessLookupError:
                pass
        if self.terminal is not None and self.terminal.exists():
            self.tmux("kill-server")
        if self.reader is not None and self.reader is not threading.current_thread():
            self.reader.join(PATIENCE)
        self.reader = None

    def quit(self):
        with self.screen_lock:
            self.type("/quit")
        deadline = time.monotonic() + PATIENCE
        while self.tmux("has-session").returncode == 0:
            if time.monotonic() > deadline:
                raise Failure(f"profanity does not end; its screen:\n{self.screen()}")
            time.sleep(0.05)
        self.kill()

    # -- what is said both ways

    def tell(self, *words):
        verb, jid = words[:2]
        if verb == "say":
            with self.screen_lock:
                self.type(f"/win {jid}")
                self.type(words[2])
            return
        line = {
            "join": lambda: f"/join {jid} nick {words[2]}",
            
            "message": lambda: f"/msg {jid} {words[2]}",
            "add": lambda: f"/roster add {jid} {words[2]}",
            "remove": lambda: f"/roster remove {jid}",
            "subscribe": lambda: f"/sub request {jid}",
            "subscribed": lambda: f"/sub allow {jid}",
        }[verb]()
        with self.screen_lock:
            self.type(line)

    def _follow(self, path, stop):
        with path.open(errors="replace") as log:
            rest = ""
            while not stop.is_set():
                text = log.read()
                if not text:
                    time.sleep(0.03)
                    continue
                *lines, rest = (rest + text).split("\n")
                for line in lines:
                    match = RECEIVED.match(line)
                    if match is not None:
                        self._received(match.group(1), stop)

    def _received(self, text, stop):
        try:
            stanza = ElementTree.fromstring(text)
        except ElementTree.ParseError:
            return  # a body of several lines, say
        if local(stanza) == "iq":
            items = stanza.findall(f"{NS_ROSTER}query/{NS_ROSTER}item")
            for item in items:
                self.happened(["item", item.get("jid"), item.get("subscription"),
                               item.get("name", "")])
            if stanza.get("id") == "roster" and stanza.get("type") == "result":
                self.happened(["ready"])
        elif local(stanza) == "presence":
            self.happened(["presence", stanza.get("from"), stanza.get("type", "available")])
            codes = {status.get("code") for status in stanza.iter(f"{NS_MUC_USER}status")}
            if "110" in codes:
                verb = "left" if stanza.get("type") == "unavailable" else "joined"
                self.happened([verb, stanza.get("from"), *sorted(codes - {"110"})])
        elif stanza.find(f"{NS_OMEMO}encrypted") is not None:
            self.happened(["encrypted", stanza.get("from")])  # its body is for others
        elif stanza.get("type") == "groupchat":
            self._received_in_room(stanza, stop)
        else:
            body = [child.text for child in stanza if local(child) == "body"]
            if body and self._shows(stanza.get("from").split("/")[0], body[0], stop):
                self.happened(["message", stanza.get("from"), body[0]])

    def _received_in_room(self, stanza, stop):
        sender = stanza.get("from")
        retract = stanza.find(f"{NS_RETRACT}retract")
        if retract is not None:
            self.happened(["retracted", sender, retract.get("id")])
        body = [child.text for child in stanza if local(child) == "body"]
        if body and self._shows(sender.split("/")[0], body[0], stop, "/win"):
            self.happened(["groupchat", sender, body[0]])

    def _shows(self, jid, body, stop, command="/msg"):
        """Whether the window of JID shows BODY, which a person would now look at."""
        deadline = time.monotonic() + PATIENCE
        with self.screen_lock:
            self.type(f"{command} {jid}")
            while body not in self.screen():
                if stop.is_set():
                    return False
                if time.monotonic() > deadline:
                    self.happened(["unseen", jid, body, self.screen()])
                    return False
                time.sleep(0.05)
        return True
