# SPDX-License-Identifier: MIT
"""ports.py - ports of loopback for servers that the benchmarks and tests start.

They are below those that outgoing connections take, any of which may be gone before a server has it,
and each process begins elsewhere: several that choose at the same time choose different ones."""

import os
import socket
import threading

FIRST, STEP = 10000, 200
_given, _choosing = set(), threading.Lock()


def _end():
    with open("/proc/sys/net/ipv4/ip_local_port_range") as text:
        return max(int(text.read().split()[0]), FIRST + 10 * STEP)


def _is_free(port):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


def free_ports(count):
    """COUNT ports that nobody has now, and that nobody in this process was given."""
    end = _end()
    start = os.getpid() * STEP % (end - FIRST)
    ports = []
    with _choosing:
        for offset in range(end - FIRST):
            port = FIRST + (start + offset) % (end - FIRST)
            if len(ports) == count:
                break
            if port not in _given and _is_free(port):
                _given.add(port)
                ports.append(port)
    if len(ports) < count:
        raise OSError("all ports are in use")
    return ports
