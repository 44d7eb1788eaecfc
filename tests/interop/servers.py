# SPDX-License-Identifier: MIT
"""servers.py - starts and stops the server under test: recadod, or Prosody as a known-good peer.

Everything a server writes stays in the directory it is given, and it listens on free ports of
127.0.0.1 only. A test that fails against Recado and passes against Prosody has found something.
"""

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
from ports import free_ports  # noqa: E402

HOST = "localhost"


class Server:
    """name, port (STARTTLS and the legacy dialogue), tls_port, ca_file, after start()."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.process = None
        self.ca_file = None
        self.port, self.tls_port = free_ports(2)
        self.log = self.directory / "server.log"

    def start(self, accounts):
        """ACCOUNTS is {user: password}, all at HOST. Returns when clients can connect."""
        self.prepare(accounts)
        self.launch()
        self.populate(accounts)

    def launch(self):
        """Runs the server on what is there. Returns when clients can connect."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT, cwd=self.directory)
        deadline = time.monotonic() + 30
        while not self._listens():
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self.process.returncode}:\n"
                                   + self.log.read_text(errors="replace"))
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} does not listen:\n"
                                   + self.log.read_text(errors="replace"))
            time.sleep(0.05)

    def _listens(self):
        try:
            for port in (self.port, self.tls_port):
                socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            return False
        return True

    def prepare(self, accounts):
        """What must be there before the server starts."""

    def populate(self, accounts):
        """What needs the running server."""

    def stop(self):
        """How it ended: 0, or what is wrong with the end of a server that was told to stop."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode


class Recado(Server):
    name = "recado"

    def __init__(self, directory, build):
        super().__init__(directory)
        self.build = pathlib.Path(build)
        self.config = self.directory / "recado.conf"

    def program(self, name):
        found = [path for path in self.build.rglob(name)
                 if path.is_file() and os.access(path, os.X_OK)]
        if not found:
            raise RuntimeError(f"no {name} in {self.build}")
        return str(found[0])

    def prepare(self, accounts):
        (self.directory / "data").mkdir()
        (self.directory / "run").mkdir()
        self.config.write_text(f"""
host = "{HOST}";
data_directory = "data";
run_directory = "run";
certificate_directory = "certificates";
sessions = {{ resume_timeout = "5s"; }}; # clients that are killed are gone after that
listeners = (
	{{ type = "c2s"; address = "127.0.0.1"; port = {self.port}; }},
	{{ type = "c2s-tls"; address = "127.0.0.1"; port = {self.tls_port}; }}
);
""")
        # The certificate that the server makes for itself, as after `make run`.
        self.ca_file = self.directory / "data" / f"{HOST}.self-signed.crt"

    def command(self):
        return [self.program("recadod"), "-c", str(self.config)]

    def control(self, *words, text=None):
        return subprocess.run([self.program("recadoctl"), *words, "--config", str(self.config)],
                              input=text, text=True, capture_output=True, check=True, timeout=60)

    def populate(self, accounts):
        self.control("account", "import", "-", text="".join(
            f"{user}@{HOST}\t{password}\n" for user, password in accounts.items()))


def run_alone(server, accounts, play, failures):
    """PLAY() with SERVER, which only that test has. Returns the exit code, having said what failed."""
    code = 0
    try:
        server.start(accounts)
        play()
    except failures as error:
        print(f"{type(error).__name__}: {str(error)[:2000]}")
        print("\n".join(server.log.read_text(errors="replace").splitlines()[-60:]))
        code = 1
    finally:
        ended = server.stop()
        if ended != 0:
            print(f"the server ended with {ended}")
            code = 1
        shutil.rmtree(server.directory, ignore_errors=True)
    return code


def skip_others():
    """Ends a test whose server has a configuration of ours, when another server is to be tested."""
    if os.environ.get("RECADO_INTEROP_SERVER", "recado") != "recado":
        print("only Recado is configured for this")
        sys.exit(77)


class Prosody(Server):
    name = "prosody"

    def prepare(self, accounts):
        self.ca_file = self.directory / "server.crt"
        key = self.directory / "server.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={HOST}",
                        "-addext", f"subjectAltName=DNS:{HOST}", "-keyout", key, "-out",
                        self.ca_file], check=True, capture_output=True)
        stored = self.directory / "data" / HOST / "accounts"
        stored.mkdir(parents=True)
        for user, password in accounts.items():
            name = user.replace("-", "%2d")
            (stored / f"{name}.dat").write_text(f'return {{ ["password"] = "{password}"; }};\n')
        (self.directory / "prosody.cfg.lua").write_text(f"""
run_as_root = true
pidfile = "{self.directory}/prosody.pid"
data_path = "{self.directory}/data"
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {self.port} }}
c2s_direct_tls_ports = {{ {self.tls_port} }}
s2s_ports = {{ }}
http_ports = {{ }}
https_ports = {{ }}
modules_enabled = {{ "disco", "roster", "saslauth", "tls", "legacyauth", "private", "vcard_legacy",
	"pep", "ping", "time", "version", "uptime", "offline", "carbons" }}
modules_disabled = {{ "s2s", "http" }}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_plain"
log = {{ {{ levels = {{ min = "info" }}, to = "console" }} }}
c2s_direct_tls_ssl = {{ certificate = "{self.ca_file}"; key = "{key}"; }}
VirtualHost "{HOST}"
	ssl = {{ certificate = "{self.ca_file}"; key = "{key}"; }}
""")

    def command(self):
        return ["prosody", "-F", "--config", str(self.directory / "prosody.cfg.lua")]
