# SPDX-License-Identifier: MIT
"""targets.py - the servers that chaos is done to: those of bench/servers.py, with storage as they
come and at its safest, killed without warning and started again on the data they left."""

import json
import os
import pathlib
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "bench"))
import servers  # noqa: E402


class Killable:
    """To be mixed into a server of bench/servers.py."""

    label = "default"
    settings = {}

    def __init__(self, directory, certificates, accounts, build):
        super().__init__(directory, certificates, accounts, build, "mobile")
        self.words = {**self.words, **self.settings}
        self.crash_point = None
        self.preload = {}

    def environment(self):
        more = {"RECADO_CRASH_POINT": self.crash_point} if self.crash_point else {}
        if self.preload:  # which a sanitizer wants to come first, but can live without
            more["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        return {**super().environment(), **self.preload, **more}

    def begin(self):
        """Starts on the data that are there; returns at once."""
        self.process = subprocess.Popen(
            self.command(), env={**os.environ, **self.environment()}, cwd=self.dir,
            stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output,
            start_new_session=True, preexec_fn=servers.die_with_parent)

    def kill(self):
        """SIGKILL for all its processes. Returns how it had ended before that, or None."""
        ended = self.process.poll()
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        return ended

    def accepts(self):
        try:
            socket.create_connection(("127.0.0.1", self.plain_port), 1).close()
            return True
        except OSError:
            return False

    def crash_points(self):
        return []

    def log(self):
        with open(os.path.join(self.dir, "output"), errors="replace") as text:
            return text.read()[-3000:]


class Recado(Killable, servers.Recado):
    label = "SQLite"

    def crash_points(self):
        """Those that this build has; none, unless it was made with -Dcrash_points=true."""
        if not self.build_option("crash_points"):
            return []
        return sorted({name for path in pathlib.Path(ROOT, "src").rglob("*.c")
                       for name in re.findall(r'\bCRASH_POINT\("([a-z-]+)"\)', path.read_text())})

    def build_option(self, name):
        with open(os.path.join(self.build, "meson-info", "intro-buildoptions.json")) as file:
            return next((o["value"] for o in json.load(file) if o["name"] == name), None)

    def launch(self):
        """The very first start dies while it makes its database, twice."""
        if not os.listdir(os.path.join(self.dir, "data")):
            for point in ("mid-migration:1", "after-migration:1"):
                if point.split(":")[0] in self.crash_points():
                    self.crash_point = point
                    self.begin()
                    self.process.wait(60)
            self.crash_point = None
        super().launch()


class Prosody(Killable, servers.Prosody):
    label = "internal storage"


class ProsodySQL(Prosody):
    name = "prosody"
    label = "SQLite"

    def prepare(self):
        self.words["STORAGE"] = (
            f'sql = {{ driver = "SQLite3", database = "{self.dir}/data/prosody.sqlite" }}\n'
            'storage = { accounts = "internal" }\ndefault_storage = "sql"')
        super().prepare()


class Ejabberd(Killable, servers.Ejabberd):
    label = "Mnesia"


class EjabberdSQL(Ejabberd):
    """SQLite as it comes is synchronous=FULL with a rollback journal."""

    label = "SQLite"
    schema = "/usr/share/ejabberd/sql/lite.sql"

    def prepare(self):
        path = os.path.join(self.dir, "ejabberd.sqlite")
        with sqlite3.connect(path) as database, open(self.schema) as text:
            database.executescript(text.read())
        self.words["STORAGE"] = f'default_db: sql\nsql_type: sqlite\nsql_database: "{path}"\n'
        super().prepare()

    def fill(self, template, out):
        path = super().fill(template, out)
        with open(path) as file:
            text = file.read()
        with open(path, "w") as file:
            file.write(text.replace("resend_on_timeout: if_offline", "resend_on_timeout: true"))
        return path


ALL = {
    "recado": Recado,
    "prosody": Prosody,
    "prosody-safest": ProsodySQL,
    "ejabberd": Ejabberd,
    "ejabberd-safest": EjabberdSQL,
}
