# SPDX-License-Identifier: MIT
"""sources.py - the servers that accounts are brought from: each starts with some accounts, and when
it is told to hand over, stops, and says what recadoctl import is to be given."""

import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "interop"))

import servers  # noqa: E402


def certificate(directory):
    """A key, a certificate, and both in one file."""
    key, crt, both = (directory / name for name in ("server.key", "server.crt", "server.pem"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", crt],
                   check=True, capture_output=True)
    both.write_bytes(crt.read_bytes() + key.read_bytes())
    return both


class Prosody(servers.Prosody):
    """authentication: how the passwords are kept."""
    brings_nodes = True

    def __init__(self, directory, authentication):
        super().__init__(directory)
        self.authentication = authentication

    def prepare(self, accounts):
        super().prepare(accounts)
        config = self.directory / "prosody.cfg.lua"
        config.write_text(config.read_text()
                          .replace('"internal_plain"', f'"{self.authentication}"')
                          .replace('"vcard_legacy"', '"vcard"')
                          .replace('"carbons" }', '"carbons", "blocklist", "mam" }\n'
                                   'default_archive_policy = true'))

    def populate(self, accounts):
        # With internal_hashed, a password becomes its keys at the first login with PLAIN; those who
        # never do so keep it. tests/migrate/run logs everybody in.
        pass

    def hand_over(self):
        self.stop()
        return ["--from=prosody", str(self.directory / "data")]


class Ejabberd(servers.Server):
    name = "ejabberd"
    brings_nodes = False  # export_piefxis (23.01) leaves them, and the archive, out
    how = 'ejabberd_piefxis:export_server(<<"{out}">>)'
    what = ""  # in the directory

    def __init__(self, directory, password_format):
        super().__init__(directory)
        self.format = password_format
        self.tls_port = self.port
        self.ready, self.go, self.done, self.out = (
            self.directory / name for name in ("ready", "go", "done", "out"))

    def prepare(self, accounts):
        text = (HERE / "ejabberd.yml").read_text()
        for word, value in {"COMBINED": certificate(self.directory), "PORT": self.port,
                            "FORMAT": self.format}.items():
            text = text.replace(f"@{word}@", str(value))
        (self.directory / "ejabberd.yml").write_text(text)
        self.out.mkdir()
        self.accounts = accounts

    def command(self):
        made = "".join(f'ok = ejabberd_auth:try_register(<<"{user}">>, <<"localhost">>, '
                       f'<<"{password}">>), ' for user, password in self.accounts.items())
        script = ("application:ensure_all_started(ejabberd), "
                  "mnesia:wait_for_tables([passwd], 60000), " + made +
                  f'ok = file:write_file("{self.ready}", ""), '
                  "Wait = fun W() -> case filelib:is_file(\"" + str(self.go) + "\") of "
                  "true -> ok; false -> timer:sleep(100), W() end end, Wait(), "
                  f"Said = {self.how.format(out=self.out)}, "
                  f'ok = file:write_file("{self.done}", io_lib:format("~p", [Said])), '
                  "init:stop().")
        return ["env", f"EJABBERD_CONFIG_PATH={self.directory}/ejabberd.yml",
                f"EJABBERD_LOG_PATH={self.directory}/ejabberd.log", "ERL_CRASH_DUMP=/dev/null",
                "ERL_LIBS=/usr/lib/x86_64-linux-gnu", f"HOME={self.directory}",
                "erl", "-noinput", "+sbwt", "none", "-mnesia", "dir",
                f'"{self.directory}/mnesia"', "-s", "ejabberd", "-eval", script]

    def populate(self, accounts):
        self.wait_for(self.ready)

    def wait_for(self, path):
        deadline = time.monotonic() + 60
        while not path.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("ejabberd did not get there:\n"
                                   + self.log.read_text(errors="replace")[-3000:])
            time.sleep(0.1)

    def hand_over(self):
        self.go.touch()
        self.wait_for(self.done)
        said = self.done.read_text()
        if said != "ok":
            raise RuntimeError("export_piefxis: " + said)
        self.stop()
        return ["--from=ejabberd", str(self.out / self.what)]


class EjabberdDump(Ejabberd):
    """What `ejabberdctl dump` does."""
    brings_nodes = True
    how = 'element(1, ejabberd_admin:dump_mnesia("{out}/dump.txt"))'
    what = "dump.txt"


class Recado(servers.Recado):
    brings_nodes = True

    def hand_over(self):
        self.file = self.directory / "export.xml"
        with self.file.open("wb") as out:
            subprocess.run([self.program("recadoctl"), "export", "--config", str(self.config)],
                           stdout=out, check=True, timeout=60)
        os.chmod(self.file, 0o600)
        self.stop()
        return [str(self.file)]
