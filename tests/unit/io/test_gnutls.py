#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""test_gnutls.py TLS_ECHO - GnuTLS as the client of our TLS: every suite, in both versions, new keys
at its wish (TLS 1.3), records cut in odd ways, and an end with close_notify."""

import os
import shutil
import subprocess
import sys
import tempfile

CASES = [  # GnuTLS's priority string, whether it can ask for new keys
    ("NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM", True),
    ("NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-256-GCM", True),
    ("NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+CHACHA20-POLY1305", True),
    ("NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-GCM", False),
    ("NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+CHACHA20-POLY1305", False),
]
WAIT_S = 60


def talk(port, priority, has_keys):
    """Says lines and asks for new keys, each when the line before it has come back."""
    client = subprocess.Popen(
        ["gnutls-cli", "--no-ca-verification", "--inline-commands", "--alpn=xmpp-client",
         f"--priority={priority}", f"--port={port}", "127.0.0.1"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    watchdog = subprocess.Popen(["sh", "-c", f"sleep {WAIT_S}; kill {client.pid}"],
                                start_new_session=True)
    seen = []

    def wait_for(text):
        while True:
            line = client.stdout.readline()
            if not line:
                raise AssertionError(f"{text!r} did not come: {b''.join(seen)[-2000:]!r}")
            seen.append(line)
            if text in line:
                return

    def say(line):
        client.stdin.write(line + b"\n")
        client.stdin.flush()

    try:
        wait_for(b"Simple Client Mode")
        for i in range(6):
            say(b"line %d" % i)
            wait_for(b"line %d" % i)
            if has_keys:  # odd ones ask the server for new keys too
                say(b"^rekey1^" if i % 2 else b"^rekey^")
                wait_for(b"Rekey was completed")
        for size in (1, 1000, 3000):
            say(b"<" + b"x" * size + b">")
            wait_for(b"<" + b"x" * size + b">")
        client.stdin.close()
        client.wait(WAIT_S)
    finally:
        client.kill()
        client.wait()
        os.killpg(watchdog.pid, 9)
        watchdog.wait()
    if b"Application protocol: xmpp-client" not in b"".join(seen):
        raise AssertionError("ALPN was not agreed on")


def main():
    if shutil.which("gnutls-cli") is None:
        print("gnutls-cli is missing: apt-get install gnutls-bin")
        print("0 passed, 0 failed, 1 skipped")
        return 77
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen([sys.argv[1], folder], stdout=subprocess.PIPE, text=True)
        try:
            port = int(server.stdout.readline())
            for priority, has_keys in CASES:
                try:
                    talk(port, priority, has_keys)
                    end = server.stdout.readline().strip()
                    if end != "0 closed":  # by close_notify
                        raise AssertionError(f"the server saw: {end}")
                    passed += 1
                except AssertionError as error:
                    print(f"FAIL {priority}: {error}")
                    failed += 1
        finally:
            server.kill()
            server.wait()
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


sys.exit(main())
