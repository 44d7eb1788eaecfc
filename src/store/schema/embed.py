#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints the .sql files given, in order, as the initialisers of an array of C strings."""
import sys

for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        for line in file.read().splitlines():
            escaped = line.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
            print(f'"{escaped}\\n"')
    print(",")
