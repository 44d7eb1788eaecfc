/* SPDX-License-Identifier: MIT */
/* specs.h - what this server implements, written from the modules' tables (XEP-0453). */
#pragma once

/* FORMAT: "markdown" (doc/xeps.md) or "doap" (doap.xml). Returns an exit status. */
int specs_print(const char *format);
