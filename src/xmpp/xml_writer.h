/* SPDX-License-Identifier: MIT */
/*
 * xml_writer.h - elements to bytes. Whatever is written can be read back by any XML parser to the
 * same tree; the prefix "xml" and prefixed attributes are declared where they are used.
 */
#pragma once

#include "base/buf.h"
#include "xmpp/element.h"

/* EL inside of a parent whose default namespace is PARENT_NS (STR_NONE or empty: none). */
void xml_write(struct buf *buf, const struct element *el, struct str parent_ns);
/* The same into ARENA. */
struct str xml_text(struct arena *arena, const struct element *el, struct str parent_ns);

/* TEXT with the characters escaped that may not stand in an attribute or in character data. */
void xml_escape(struct buf *buf, struct str text);
/* " name='value'", escaped. Nothing when VALUE.p is NULL. */
void xml_write_attr(struct buf *buf, const char *name, struct str value);
