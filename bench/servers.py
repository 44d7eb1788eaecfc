# SPDX-License-Identifier: MIT
"""servers.py - starts the servers that bench/run compares, each as a plain process in a directory
of its own on free loopback ports, with the same accounts and the same certificate."""

import base64
import ctypes
import hashlib
import hmac
import os
import re
import shutil
import signal
import socket
import subprocess
import time

from ports import free_ports

HERE = os.path.dirname(os.path.abspath(__file__))
PASSWORD = "secret"
SALT = b"0123456789abcdef"
ITERATIONS = 4096


def die_with_parent():
    """Servers must not outlive bench/run, however it ends (prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def scram_keys():
    """SCRAM-SHA-256 keys of the one password (RFC 5802 section 3): stored key, server key."""
    salted = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), SALT, ITERATIONS)
    client = hmac.digest(salted, b"Client Key", "sha256")
    return hashlib.sha256(client).digest(), hmac.digest(salted, b"Server Key", "sha256")


def make_certificate(directory):
    """A self-signed P-256 certificate for localhost; returns certificate, key, both in one file."""
    certificate, key = os.path.join(directory, "cert.pem"), os.path.join(directory, "key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "30", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    combined = os.path.join(directory, "combined.pem")
    with open(combined, "w") as out:
        for path in (key, certificate):
            with open(path) as part:
                out.write(part.read())
    return certificate, key, combined


class Server:
    """One server: start() returns when it accepts connections; stop() leaves nothing behind."""

    name = ""
    words = {}  # more for fill()

    def __init__(self, directory, certificates, accounts, build, variant=""):
        """VARIANT: whose modules, peers/NAME-VARIANT.modules; "": those of Debian."""
        self.base = directory
        self.build = build
        self.variant = variant
        self.certificate, self.key, self.combined = certificates
        self.accounts = accounts
        self.process = None
        self.starts = 0

    def start(self):
        self.starts += 1
        self.dir = os.path.join(self.base, f"{self.name}-{self.starts}")
        os.makedirs(self.dir)
        self.plain_port, self.tls_port = free_ports(2)
        self.output = open(os.path.join(self.dir, "output"), "wb")
        self.prepare()
        self.is_loaded = False
        self.launch()
        if self.load_accounts():
            # Memory that loading took and gave back must not be there for sessions to use.
            self.end_process()
            self.is_loaded = True
            self.keep_accounts()
            self.launch()

    def keep_accounts(self):
        """Between loading and the second start: may put them by for other starts."""

    def launch(self):
        self.process = subprocess.Popen(
            self.command(), env={**os.environ, **self.environment()}, cwd=self.dir,
            stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output,
            start_new_session=True, preexec_fn=die_with_parent)
        self.wait_for(self.is_listening)

    def end_process(self):
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            pass
        try:  # what it started too
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.process = None

    def kill_and_restart(self):
        """Without warning, and again on the data that are there. Returns the seconds it took until
        connections were accepted."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        began = time.monotonic()
        self.launch()
        return time.monotonic() - began

    def stop(self):
        if self.process is not None:
            self.end_process()
            self.output.close()
            shutil.rmtree(self.dir, ignore_errors=True)

    def wait_for(self, condition, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            if self.process.poll() is not None or time.monotonic() > end:
                self.fail("did not start")
            time.sleep(0.05)

    def fail(self, what):
        with open(os.path.join(self.dir, "output"), errors="replace") as text:
            raise RuntimeError(f"{self.name} {what}:\n{text.read()[-3000:]}")

    def is_listening(self):
        for port in (self.plain_port, self.tls_port):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                return False
        return True

    def fill(self, template, out):
        variant = f"-{self.variant}" if self.variant else ""
        modules = os.path.join(HERE, "peers", f"{self.name}{variant}.modules")
        words = {"DIR": self.dir, "PLAIN_PORT": self.plain_port, "TLS_PORT": self.tls_port,
                 "CERTIFICATE": self.certificate, "KEY": self.key, "COMBINED": self.combined,
                 "STORAGE": "", **self.words}
        if os.path.exists(modules):
            with open(modules) as text:
                words["MODULES"] = text.read()
        with open(os.path.join(HERE, "peers", template)) as text:
            filled = re.sub("@([A-Z_]+)@", lambda m: str(words[m[1]]), text.read())
        path = os.path.join(self.dir, out)
        with open(path, "w") as file:
            file.write(filled)
        return path

    def arguments(self, is_plain):
        """What recado-bench needs to know."""
        port = self.plain_port if is_plain else self.tls_port
        return [f"--port={port}", f"--pid={self.process.pid}", f"--password={PASSWORD}"]

    def takes(self, case):
        return True

    def environment(self):
        return {}

    def prepare(self):
        pass

    def load_accounts(self):
        """Returns whether there was anything to do."""
        return False


class Recado(Server):
    name = "recado"
    words = {"WORKERS": 0}  # one for each processor

    def version(self):
        return subprocess.run([self.program("recadod"), "--version"], capture_output=True,
                              text=True, check=True).stdout.strip()

    def program(self, name):
        folder = "ctl" if name == "recadoctl" else ""
        return os.path.join(self.build, "src", folder, name)

    def prepare(self):
        # Deriving the keys of 10,000 passwords takes a while: once is enough.
        self.kept = os.path.join(self.base, f"recado-data-{self.accounts}")
        os.makedirs(os.path.join(self.dir, "run"), mode=0o700)
        if os.path.exists(self.kept):
            shutil.copytree(self.kept, os.path.join(self.dir, "data"))
        else:
            os.makedirs(os.path.join(self.dir, "data"), mode=0o700)
        self.config = self.fill("recado.conf", "recado.conf")

    def command(self):
        return [self.program("recadod"), "--config", self.config]

    def load_accounts(self):
        if os.path.exists(self.kept):
            return False
        path = os.path.join(self.dir, "accounts")
        with open(path, "w") as file:
            for i in range(self.accounts):
                file.write(f"user{i}@localhost\t{PASSWORD}\n")
        socket_path = os.path.join(self.dir, "run", "control.sock")
        self.wait_for(lambda: os.path.exists(socket_path))
        done = subprocess.run([self.program("recadoctl"), "--socket", socket_path, "account",
                               "import", path], stdout=subprocess.DEVNULL)
        if done.returncode != 0:
            self.fail("did not take the accounts")
        return True

    def keep_accounts(self):
        shutil.copytree(os.path.join(self.dir, "data"), self.kept)


class RecadoOneWorker(Recado):
    """The same on one thread: the chat cases show what a hop between workers costs."""

    name = "recado-1"
    words = {"WORKERS": 1}

    def version(self):
        return super().version() + " with one worker"

    def takes(self, case):
        return case.with_relay  # those of the message path


def package_version(name):
    return subprocess.run(["dpkg-query", "-W", "-f", "${Version}", name], capture_output=True,
                          text=True, check=True).stdout


class Prosody(Server):
    name = "prosody"

    def version(self):
        return "Prosody " + package_version("prosody")

    def prepare(self):
        stored, server = scram_keys()
        account = ('return {\n["salt"] = "%s";\n["iteration_count"] = %d;\n'
                   '["stored_key"] = "%s";\n["server_key"] = "%s";\n};\n' %
                   (SALT.decode(), ITERATIONS, stored.hex(), server.hex()))
        folder = os.path.join(self.dir, "data", "localhost", "accounts")
        os.makedirs(folder)
        os.makedirs(os.path.join(self.dir, "certs"))
        for i in range(self.accounts):
            with open(os.path.join(folder, f"user{i}.dat"), "w") as file:
                file.write(account)
        self.config = self.fill("prosody.cfg.lua", "prosody.cfg.lua")

    def command(self):
        return ["prosody", "-F", "--config", self.config]


class Ejabberd(Server):
    name = "ejabberd"

    def version(self):
        return "ejabberd " + package_version("ejabberd")

    def prepare(self):
        self.config = self.fill("ejabberd.yml", "ejabberd.yml")
        self.ready = os.path.join(self.dir, "ready")

    def environment(self):
        return {"EJABBERD_CONFIG_PATH": self.config,
                "EJABBERD_LOG_PATH": os.path.join(self.dir, "ejabberd.log"),
                "ERL_CRASH_DUMP": "/dev/null", "ERL_LIBS": "/usr/lib/x86_64-linux-gnu",
                "ERL_MAX_ETS_TABLES": "1400", "HOME": self.dir}

    def command(self):
        """One node without distribution. Scheduler threads that have nothing to do sleep instead
        of spinning: that is the setting which shows ejabberd's processor time at its best."""
        stored, server = (base64.b64encode(k).decode() for k in scram_keys())
        salt = base64.b64encode(SALT).decode()
        load = (
            "application:ensure_all_started(ejabberd), "
            "mnesia:wait_for_tables([passwd], 60000), "
            f'Keys = {{scram, <<"{stored}">>, <<"{server}">>, <<"{salt}">>, sha256, {ITERATIONS}}}, '
            "[ok = mnesia:dirty_write({passwd, {iolist_to_binary([\"user\", integer_to_list(I)]), "
            f'<<"localhost">>}}, Keys}}) || I <- lists:seq(0, {self.accounts - 1})], '
            f'ok = file:write_file("{self.ready}", "").')
        return ["erl", "-noinput", "+K", "true", "+P", "250000", "+sbwt", "none", "+sbwtdcpu",
                "none", "+sbwtdio", "none", "-mnesia", "dir", f'"{self.dir}/mnesia"',
                "-s", "ejabberd", *([] if self.is_loaded else ["-eval", load])]

    def load_accounts(self):
        self.wait_for(lambda: os.path.exists(self.ready))
        return True


class Relay(Server):
    """The limit to compare with: TLS and bytes, nothing else."""

    name = "relay"

    def version(self):
        return "recado-relay, epoll and OpenSSL alone"

    def takes(self, case):
        return case.with_relay

    def command(self):
        return [os.path.join(self.build, "src/bench/recado-relay"), f"--port={self.tls_port}",
                f"--certificate={self.certificate}", f"--key={self.key}"]

    def is_listening(self):
        self.plain_port = self.tls_port
        return super().is_listening()

    def arguments(self, is_plain):
        return [*super().arguments(is_plain), "--relay"]


ALL = {server.name: server for server in (Recado, RecadoOneWorker, Prosody, Ejabberd, Relay)}
