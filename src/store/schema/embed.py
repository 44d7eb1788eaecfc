#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""embed.py - the .sql files given, in order, as the C source of sqlite_schema_steps (sqlite.h)."""
import sys

print('#include "store/sqlite.h"\n\nconst char *const sqlite_schema_steps[] = {')
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        for line in file.read().splitlines():
            escaped = line.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
            print(f'"{escaped}\\n"')
    print(",")
print(f"}};\n\nconst size_t sqlite_schema_count = {len(sys.argv) - 1};")
