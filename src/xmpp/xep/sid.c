/* SPDX-License-Identifier: MIT */
/* sid.c - <stanza-id/>: writing it, and taking out what others claim in our name (XEP-0359 §3). */
#include "xmpp/xep/sid.h"

#include "xmpp/xml_writer.h"

void
sid_write(struct buf *out, struct str by, uint64_t id)
{
	buf_addz(out, "<stanza-id xmlns='" NS_SID "' by='");
	xml_escape(out, by);
	buf_printf(out, "' id='%llu'/>", (unsigned long long)id);
}

/* Prepared or not: whoever forges may write it differently. */
static bool
is_by(const struct element *id, struct str by)
{
	return str_equal_nocase(element_attr(id, "by"), by);
}

bool
sid_is_forged(const struct element *el, struct str by)
{
	const struct element *id = element_child(el, NS_SID, "stanza-id");

	for (; id != NULL; id = element_next(id, NS_SID, "stanza-id"))
		if (is_by(id, by))
			return true;
	return false;
}

void
sid_remove(struct element *el, struct str by)
{
	struct element *next, *id = element_child(el, NS_SID, "stanza-id");

	for (; id != NULL; id = next) {
		next = element_next(id, NS_SID, "stanza-id");
		if (is_by(id, by))
			element_detach(id);
	}
}
