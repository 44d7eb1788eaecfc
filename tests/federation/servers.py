# SPDX-License-Identifier: MIT
"""servers.py - the servers that talk to each other, each as a plain process in a directory of its
own, at its own address."""

import gzip
import os
import pathlib
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import time

from world import DOMAINS, die_with_parent

PASSWORD = "secret"
USERS = ("anna", "bert", "carla")


class Server:
    kind = ""
    ways = ("external", "dialback")
    survives_silence = True  # of a link that is cut for some seconds
    rooms = "conference"     # where they are, or None
    without = ()             # checks
    forgets_seats = True     # in rooms, when it begins anew
    has_pep = has_archive = has_blocking = True
    answers_for_clients = False

    def __init__(self, world, build, domain=None, has_good_certificate=True,
                 requires_certificate=True, **options):
        self.world, self.build = world, pathlib.Path(build).resolve()
        self.domain = domain or f"{self.kind}.example"
        self.address = DOMAINS[self.domain]
        self.options = options
        self.requires_certificate = requires_certificate
        self.has_good_certificate = has_good_certificate
        self.certificate, self.key = world.certificate(self.domain, has_good_certificate)
        self.directory = pathlib.Path(world.directory) / f"{self.domain}-{time.monotonic_ns()}"
        self.directory.mkdir()
        self.log = self.directory / "log"
        self.process = None
        self.is_filled = False

    def start(self):
        if not self.is_filled:
            self.prepare()
        self.launch()
        if not self.is_filled:
            self.populate()
        self.is_filled = True
        return self

    def launch(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), env={**os.environ, **self.environment()}, cwd=self.directory,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=die_with_parent)
        self.wait_for(lambda: self.listens(5222) and self.listens(5269))

    def listens(self, port):
        try:
            socket.create_connection((self.address, port), 1).close()
            return True
        except OSError:
            return False

    def wait_for(self, condition, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{self.domain} did not start:\n{self.text()[-3000:]}")
            time.sleep(0.05)

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def stop(self):
        """Returns how it ended, 0 or otherwise."""
        if self.process is None:
            return 0
        self.process.terminate()
        try:
            code = self.process.wait(20)
        except subprocess.TimeoutExpired:
            code = "hung"
        self._kill_group()
        self.process = None
        return code

    def memory(self):
        """Bytes; 0 where a sanitizer has its own there."""
        if "/libasan" in pathlib.Path(f"/proc/{self.process.pid}/maps").read_text():
            return 0
        pages = pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def kill(self):
        self._kill_group()
        self.process = None

    def _kill_group(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()

    def prepare(self):
        pass

    def populate(self):
        pass

    def environment(self):
        return {}


class Recado(Server):
    kind = "recado"
    rooms, forgets_seats = "rooms", False
    s2s = ""

    def program(self, name):
        return str(next(path for path in pathlib.Path(self.build).rglob(name)
                        if path.is_file() and os.access(path, os.X_OK)))

    def prepare(self):
        (self.directory / "data").mkdir()
        (self.directory / "run").mkdir()
        self.write_config()

    def write_config(self):
        require = "true" if self.requires_certificate else "false"
        (self.directory / "recado.conf").write_text(f"""
hosts = ( {{ name = "{self.domain}"; certificate = "{self.certificate}"; key = "{self.key}"; }} );
data_directory = "data";
run_directory = "run";
workers = {self.options.get("workers", 2)};
log_level = "{self.options.get("log", "debug")}";
listeners = (
	{{ type = "c2s"; address = "{self.address}"; }},
	{{ type = "s2s"; address = "{self.address}"; }},
	{{ type = "s2s-tls"; address = "{self.address}"; }},
	{{ type = "component"; address = "{self.address}"; }}
);
components = ( {{ name = "upload.{self.domain}"; secret = "secret"; }} );
s2s = {{
	ca_file = "{self.world.authority}";
	private_addresses = {str(self.options.get("private_addresses", True)).lower()};
	require_certificate = {require};
	{self.options.get("s2s", "")}
}};
{self.options.get("extra", "")}
""")

    def command(self):
        return [self.program("recadod"), "-c", str(self.directory / "recado.conf")]

    def control(self, *words, text=None):
        return subprocess.run([self.program("recadoctl"), *words, "--config",
                               str(self.directory / "recado.conf")], input=text, text=True,
                              capture_output=True, timeout=60)

    def populate(self):
        done = self.control("account", "import", "-", text="".join(
            f"{user}@{self.domain}\t{PASSWORD}\n" for user in USERS))
        if done.returncode != 0:
            raise RuntimeError(done.stderr)


class Recado2(Recado):
    """The second of two."""

    def __init__(self, world, build, **keywords):
        super().__init__(world, build, domain="recado2.example", **keywords)


class Prosody(Server):
    kind = "prosody"

    def prepare(self):
        stored = self.directory / "data" / self.domain.replace(".", "%2e") / "accounts"
        stored.mkdir(parents=True)
        for user in USERS:
            (stored / f"{user}.dat").write_text(f'return {{ ["password"] = "{PASSWORD}"; }};\n')
        modules = ["disco", "roster", "saslauth", "tls", "dialback", "private", "pep", "ping",
                   "offline", "smacks", "s2s_bidi", "mam", "vcard4", "blocklist", *self.options.get("modules", [])]
        for name in self.options.get("without", []):
            modules.remove(name)
        listed = ", ".join(f'"{name}"' for name in modules)
        secure = "true" if self.requires_certificate else "false"
        (self.directory / "prosody.cfg.lua").write_text(f"""
run_as_root = true
pidfile = "{self.directory}/prosody.pid"
data_path = "{self.directory}/data"
interfaces = {{ "{self.address}" }}
c2s_direct_tls_ports = {{ }}
s2s_direct_tls_ports = {{ }}
http_ports = {{ }}
https_ports = {{ }}
modules_enabled = {{ {listed} }}
modules_disabled = {{ "http" }}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
s2s_require_encryption = true
s2s_secure_auth = {secure}
authentication = "internal_plain"
smacks_s2s_resend = true
log = {{ {{ levels = {{ min = "{self.options.get("log", "debug")}" }}, to = "console" }} }}
ssl = {{ certificate = "{self.certificate}"; key = "{self.key}"; cafile = "{self.world.authority}";
	capath = "/nonexistent" }}
{"".join(f'VirtualHost "{host}"' + chr(10) for host in [self.domain, *self.options.get("hosts", [])])}
Component "conference.{self.domain}" "muc"
	ssl = {{ certificate = "{self.certificate}"; key = "{self.key}";
		cafile = "{self.world.authority}" }}
""")

    def command(self):
        return ["prosody", "-F", "--config", str(self.directory / "prosody.cfg.lua")]


class Ejabberd(Server):
    kind = "ejabberd"

    def prepare(self):
        combined = self.directory / "certificate.pem"
        combined.write_text(pathlib.Path(self.key).read_text()
                            + pathlib.Path(self.certificate).read_text())
        self.ready = self.directory / "ready"
        (self.directory / "inetrc").write_text(
            '{lookup, [dns]}.\n{nameserver, {127,0,0,1}}.\n')
        tls = "required_trusted" if self.requires_certificate else "required"
        dialback = "" if self.requires_certificate else "  mod_s2s_dialback: {}\n"
        (self.directory / "ejabberd.yml").write_text(f"""
loglevel: {self.options.get("log", "debug")}
hosts: ["{self.domain}"]
certfiles: ["{combined}"]
ca_file: "{self.world.authority}"
listen:
  - {{port: 5222, ip: "{self.address}", module: ejabberd_c2s, starttls: true, shaper: none}}
  - {{port: 5269, ip: "{self.address}", module: ejabberd_s2s_in, shaper: none}}
s2s_use_starttls: {"required" if self.requires_certificate else "optional"}
s2s_cafile: "{self.world.authority}"
outgoing_s2s_families: [ipv4]
auth_method: internal
auth_password_format: plain
modules:
  mod_disco: {{}}
  mod_roster: {{}}
  mod_ping: {{}}
  mod_offline: {{}}
  mod_caps: {{}}
  mod_pubsub: {{plugins: [flat, pep]}}
{"" if "mam" in self.options.get("without", []) else "  mod_mam: {default: always}"}
  mod_privacy: {{}}
  mod_blocking: {{}}
  mod_muc: {{host: "conference.@HOST@"}}
{dialback}""")

    def environment(self):
        return {"EJABBERD_CONFIG_PATH": str(self.directory / "ejabberd.yml"),
                "EJABBERD_LOG_PATH": str(self.directory / "ejabberd.log"),
                "ERL_CRASH_DUMP": "/dev/null", "ERL_LIBS": "/usr/lib/x86_64-linux-gnu",
                "ERL_INETRC": str(self.directory / "inetrc"), "HOME": str(self.directory)}

    def command(self):
        load = ("application:ensure_all_started(ejabberd), "
                "mnesia:wait_for_tables([passwd], 60000), " + ", ".join(
                    f'ejabberd_auth:try_register(<<"{user}">>, <<"{self.domain}">>, '
                    f'<<"{PASSWORD}">>)' for user in USERS)
                + f', ok = file:write_file("{self.ready}", "").')
        return ["erl", "-noinput", "+K", "true", "+sbwt", "none", "-mnesia", "dir",
                f'"{self.directory}/mnesia"', "-s", "ejabberd",
                *([] if self.is_filled else ["-eval", load])]

    def populate(self):
        self.wait_for(self.ready.exists)

    def text(self):
        log = self.directory / "ejabberd.log"
        return super().text() + (log.read_text(errors="replace") if log.exists() else "")


class Jabberd(Server):
    """jabberd2: four programs. Between servers it knows dialback only, over TLS."""

    kind = "jabberd"
    ways = ("dialback",)
    survives_silence = False
    rooms = None
    has_pep = has_archive = has_blocking = False
    # It has no rooms. And jabberd2 2.7.0 answers disco#info that is for a client in its place, against
    # RFC 6121 §8.5.3.1 (the check "capabilities" shows it), so nobody can know that one wants avatars.
    answers_for_clients = True
    without = ("forgotten_seat", "avatar")
    parts = ("router", "sm", "c2s", "s2s")

    def prepare(self):
        combined = self.directory / "certificate.pem"
        combined.write_text(pathlib.Path(self.certificate).read_text()
                            + pathlib.Path(self.key).read_text())
        database = sqlite3.connect(self.directory / "sqlite.db")
        with gzip.open("/usr/share/doc/jabberd2/db-setup.sqlite.gz", "rt") as schema:
            database.executescript(schema.read())
        for user in USERS:
            database.execute('INSERT INTO "authreg" ("username", "realm", "password") '
                             "VALUES (?, ?, ?)", (user, self.domain, PASSWORD))
            database.execute('INSERT INTO "active" ("collection-owner", "time") VALUES (?, 1)',
                             (f"{user}@{self.domain}",))
        database.commit()
        database.close()
        for part in self.parts:
            text = pathlib.Path(f"/etc/jabberd2/{part}.xml").read_text()
            text = re.sub("<!--.*?-->", "", text, flags=re.S)
            text = re.sub("<pidfile>.*?</pidfile>", "", text)
            text = re.sub("<log type='file'>.*?</log>", "<log type='stdout'/>", text, flags=re.S)
            text = re.sub("<ip>[0-9.]+</ip>", f"<ip>{self.address}</ip>", text)
            text = re.sub("(<id[^>]*>)localhost.localdomain", rf"\g<1>{self.domain}", text)
            text = text.replace("<id register-enable='mu'>",
                                f"<id register-enable='mu' pemfile='{combined}'>")
            text = text.replace("localhost.localdomain", self.domain)
            text = text.replace("/var/lib/jabberd2/sqlite.db", f"{self.directory}/sqlite.db")
            if part == "s2s":
                text = text.replace("<port>5269</port>",
                                    f"<port>5269</port><pemfile>{combined}</pemfile>")
            (self.directory / f"{part}.xml").write_text(text)
        (self.directory / "start").write_text("".join(
            f"jabberd2-{part} -D -c {self.directory}/{part}.xml & sleep 0.3\n"
            for part in self.parts) + "wait\n")

    def command(self):
        return ["sh", str(self.directory / "start")]

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        return super().stop()


ALL = {"recado": Recado2, "prosody": Prosody, "ejabberd": Ejabberd, "jabberd": Jabberd}


def remove(server):
    shutil.rmtree(server.directory, ignore_errors=True)
