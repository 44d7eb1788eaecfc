#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""xmppjs_fast.py - xmpp.js signs in by SASL2, Bind 2 and FAST (XEP-0388, XEP-0386, XEP-0484)."""

import os
import pathlib
import subprocess
import sys

ENV = os.environ
HERE = pathlib.Path(__file__).resolve().parent

environment = dict(ENV, NODE_EXTRA_CA_CERTS=ENV["RECADO_INTEROP_CA_FILE"])
done = subprocess.run(["node", HERE / "xmppjs_fast" / "fast.mjs", ENV["RECADO_INTEROP_TLS_PORT"], "localhost",
                       ENV["RECADO_INTEROP_FIRST"], ENV["RECADO_INTEROP_PASSWORD"]],
                      env=environment, timeout=60, check=False)
sys.exit(0 if done.returncode == 0 else 1)
