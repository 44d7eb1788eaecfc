# SPDX-License-Identifier: MIT
"""world.py - a small network for the checks: a network namespace with addresses of its own, a name
server with a zone, an authority with certificates.

Every server has an address of 10.77.0.0/24 on the loopback interface, and the usual ports.
"""

import ctypes
import os
import pathlib
import signal
import subprocess
import sys
import time

DOMAINS = {  # name: address
    "recado.example": "10.77.0.1",
    "recado2.example": "10.77.0.2",
    "prosody.example": "10.77.0.3",
    "ejabberd.example": "10.77.0.4",
    "jabberd.example": "10.77.0.5",
    "prosody2.example": "10.77.0.6",
    "ejabberd2.example": "10.77.0.7",
    "hostile.example": "10.77.0.9",
    "good.dane.example": "10.77.0.10",
}
# Signed zones, and what their names lead to that one address for.
DANE_ZONES = {
    "dane.example": ("good", "issued", "wrong", "strange"),
    "bogus.example": ("bogus",),
}


def enter(argv):
    """Runs ARGV again in namespaces of its own, where everything ends with it."""
    if os.environ.get("RECADO_FEDERATION_WORLD"):
        return
    os.environ["RECADO_FEDERATION_WORLD"] = "1"
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    os.execvp("unshare", ["unshare", *user, "--net", "--mount", "--pid", "--fork",
                          "--kill-child", "--mount-proc", sys.executable, *argv])


def run(*command, **keywords):
    return subprocess.run(command, check=True, capture_output=True, text=True, **keywords)


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class World:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.authority = self.directory / "ca.crt"
        self.anchors = self.directory / "anchors"  # of the signed zones
        self.processes = []

    def build(self):
        run("ip", "link", "set", "lo", "up")
        for address in DOMAINS.values():
            run("ip", "address", "add", address + "/32", "dev", "lo")
        run("mount", "--make-rprivate", "/")
        resolv = self.directory / "resolv.conf"
        resolv.write_text("nameserver 127.0.0.1\n")
        run("mount", "--bind", str(resolv), "/etc/resolv.conf")
        self._make_authority()
        self._start_dns()

    def _start_dns(self):
        records = []
        for domain, address in DOMAINS.items():
            if domain.endswith(tuple(DANE_ZONES)):
                continue
            records += [f"{domain}. A {address}", f"xmpp.{domain}. A {address}",
                        f"_xmpp-server._tcp.{domain}. SRV 0 5 5269 xmpp.{domain}."]
            if domain.startswith("recado"):
                records.append(f"_xmpps-server._tcp.{domain}. SRV 0 5 5270 xmpp.{domain}.")
            for name in ("rooms", "conference", "pubsub", "upload"):
                records += [f"{name}.{domain}. A {address}",
                            f"_xmpp-server._tcp.{name}.{domain}. SRV 0 5 5269 xmpp.{domain}."]
        records += ["_xmpp-server._tcp.refusing.example. SRV 0 0 0 .",
                    "_xmpps-server._tcp.refusing.example. SRV 0 0 0 .",
                    "dead.example. A 10.77.0.250"]
        for i in range(320):
            records.append(f"x{i}.hostile.example. A {DOMAINS['hostile.example']}")
        records += [f"_xmpp-server._tcp.unsigned.example. SRV 0 5 5269 xmpp.unsigned.example.",
                    f"xmpp.unsigned.example. A {DOMAINS['good.dane.example']}",
                    "_5269._tcp.xmpp.unsigned.example. TLSA " + self.pins()["good"][0]]
        zones = "".join(f"""auth-zone:
  name: "{zone}"
  zonefile: "{self._make_zone(zone, names)}"
  for-downstream: yes
  fallback-enabled: no
""" for zone, names in DANE_ZONES.items())
        transparent = "\n".join(f"  local-zone: '{zone}.' transparent" for zone in DANE_ZONES)
        data = "\n".join(f"  local-data: '{record}'" for record in records)
        config = self.directory / "unbound.conf"
        config.write_text(f"""server:
  interface: 127.0.0.1
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "{self.directory}"
  pidfile: "{self.directory}/unbound.pid"
  use-syslog: no
  logfile: ""
  do-not-query-localhost: no
  module-config: "iterator"
  local-zone: "." static
{transparent}
{data}
{zones}
remote-control:
  control-enable: no
""")
        log = open(self.directory / "unbound.log", "wb")
        self.processes.append(subprocess.Popen(["unbound", "-d", "-c", str(config)], stdout=log,
                                               stderr=log, preexec_fn=die_with_parent))
        end = time.monotonic() + 10
        while time.monotonic() < end:
            if run("sh", "-c", "ss -lnu | grep -c ':53 ' || true").stdout.strip() != "0":
                return
            time.sleep(0.05)
        raise RuntimeError("the name server did not start: "
                           + (self.directory / "unbound.log").read_text())

    def pins(self):
        """TLSA records of the certificate that all of DANE_ZONES have (world.certificate of the first
        name, not good), by what they are to show. Each: one of them, or several."""
        certificate, _ = self.certificate("good.dane.example", False)
        der = run("sh", "-c", f"openssl x509 -in '{certificate}' -noout -pubkey | openssl pkey -pubin "
                  "-outform der | sha256sum").stdout.split()[0]
        whole = run("sh", "-c", f"openssl x509 -in '{certificate}' -outform der | sha256sum"
                    ).stdout.split()[0]
        other = "00" * 32
        return {"good": ["3 1 1 " + der, "3 1 1 " + other], "issued": ["2 0 1 " + whole],
                "wrong": ["3 1 1 " + other], "strange": ["9 9 9 " + other],
                "bogus": ["3 1 1 " + der]}

    def _make_zone(self, zone, names):
        """The file of that zone, signed; `anchors` has its key then."""
        address = DOMAINS["good.dane.example"]
        lines = [f"$ORIGIN {zone}.", "$TTL 60", "@ SOA ns hostmaster 1 60 60 3600 60", "@ NS ns",
                 "ns A 127.0.0.1"]
        for name in names:
            lines += [f"_xmpp-server._tcp.{name} SRV 0 5 5269 xmpp.{name}", f"xmpp.{name} A {address}"]
            lines += [f"_5269._tcp.xmpp.{name} TLSA {pin}" for pin in self.pins()[name]]
        file = self.directory / f"{zone}.zone"
        file.write_text("\n".join(lines) + "\n")
        key = run("ldns-keygen", "-a", "ECDSAP256SHA256", "-k", zone,
                  cwd=self.directory).stdout.strip()
        run("ldns-signzone", "-f", f"{file}.signed", str(file), key, cwd=self.directory)
        with self.anchors.open("a") as anchors:
            anchors.write((self.directory / f"{key}.ds").read_text())
        if zone.startswith("bogus"):  # changed after it was signed
            signed = pathlib.Path(f"{file}.signed")
            signed.write_text(signed.read_text().replace("3 1 1 " + self.pins()["bogus"][0][6:12],
                                                         "3 1 1 000000"))
        return f"{file}.signed"

    def _make_authority(self):
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "2", "-subj", "/CN=Test authority", "-keyout",
            str(self.directory / "ca.key"), "-out", str(self.authority))

    def certificate(self, domain, is_good=True):
        """A certificate and its key: of the authority, or (not IS_GOOD) of nobody."""
        stem = self.directory / (domain + ("" if is_good else ".self"))
        certificate, key = f"{stem}.crt", f"{stem}.key"
        if os.path.exists(certificate):
            return certificate, key
        names = f"subjectAltName=DNS:{domain},DNS:*.{domain}"
        signed = ["-CA", str(self.authority), "-CAkey", str(self.directory / "ca.key")]
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "2", "-subj", f"/CN={domain}", "-addext", names, "-addext",
            "basicConstraints=critical,CA:FALSE", *(signed if is_good else []), "-keyout", key,
            "-out", certificate)
        os.chmod(key, 0o644)
        return certificate, key

    def crafted(self, name, domain, is_signed, more, issuer=None, made=None):
        """A certificate for DOMAIN with MORE options of `openssl req`, and its key. MADE: when, such as
        "-9d"."""
        certificate, key = (str(self.directory / f"crafted-{name}.{end}") for end in ("crt", "key"))
        authority, secret = issuer or (str(self.authority), str(self.directory / "ca.key"))
        signed = ["-CA", authority, "-CAkey", secret] if is_signed else []
        run(*(["faketime", "-f", made] if made else []), "openssl", "req", "-x509", "-newkey", "ec",
            "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=crafted", "-addext", f"subjectAltName=DNS:{domain}", "-addext",
            "basicConstraints=critical,CA:FALSE", *more, *signed, "-keyout", key, "-out", certificate)
        if issuer:
            with open(certificate, "a") as chain, open(authority) as above:
                chain.write(above.read())
        return certificate, key

    def cut_off(self, one, other):
        """Nothing passes between the two, as with a cable pulled; each still serves its clients."""
        run("nft", "add", "table", "ip", "cut")
        run("nft", "add", "chain", "ip", "cut", "output",
            "{ type filter hook output priority 0 ; }")
        for source, target in ((one, other), (other, one)):
            run("nft", "add", "rule", "ip", "cut", "output", "ip", "saddr", source.address, "ip",
                "daddr", target.address, "drop")
            # Whoever has not bound an address is seen by where it goes, and the port that it wants.
            run("nft", "add", "rule", "ip", "cut", "output", "ip", "daddr", target.address, "tcp",
                "dport", "{ 5269, 5270 }", "drop")
            run("nft", "add", "rule", "ip", "cut", "output", "ip", "saddr", target.address, "tcp",
                "sport", "{ 5269, 5270 }", "drop")

    @staticmethod
    def swallow(*addresses):
        """From then on nobody answers there, nor refuses to."""
        run("nft", "add", "table", "inet", "swallow")
        run("nft", "add", "chain", "inet", "swallow", "output",
            "{ type filter hook output priority 0 ; }")
        for address in addresses:
            run("ip", "address", "add", address, "dev", "lo")
            run("nft", "add", "rule", "inet", "swallow", "output",
                "ip6" if ":" in address else "ip", "daddr", address, "drop")

    def heal(self, *_):
        run("nft", "delete", "table", "ip", "cut")

    def mend(self):
        """After a check that failed in the middle."""
        subprocess.run(["nft", "delete", "table", "ip", "cut"], capture_output=True, check=False)

    def end(self):
        for process in self.processes:
            process.terminate()
            process.wait()
