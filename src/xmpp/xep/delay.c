/* SPDX-License-Identifier: MIT */
/* delay.c - writes and reads <delay/>. */
#include "xmpp/xep/delay.h"

#include "base/time.h"
#include "xmpp/xml_writer.h"

struct element *
delay_add(struct arena *arena, struct element *parent, struct str from, uint64_t wall_us)
{
	struct element *delay = element_add(arena, parent, NS_DELAY, "delay");

	element_set(arena, delay, "from", from);
	element_set(arena, delay, "stamp", time_format(arena, wall_us, true));
	return delay;
}

void
delay_write(struct buf *buf, struct str from, uint64_t wall_us)
{
	struct arena *arena = arena_new();

	buf_addz(buf, "<delay xmlns='" NS_DELAY "'");
	xml_write_attr(buf, "from", from);
	xml_write_attr(buf, "stamp", time_format(arena, wall_us, true));
	buf_addz(buf, "/>");
	arena_free(arena);
}

int
delay_find(const struct element *el, struct str from, uint64_t *wall_us)
{
	struct element *delay = element_child(el, NS_DELAY, "delay");

	while (delay != NULL && from.p != NULL && !str_equal(element_attr(delay, "from"), from))
		delay = element_next(delay, NS_DELAY, "delay");
	return delay != NULL ? time_parse(element_attr(delay, "stamp"), wall_us) : -1;
}

void
delay_remove(struct element *el, struct str from)
{
	struct element *delay = element_child(el, NS_DELAY, "delay"), *next;

	for (; delay != NULL; delay = next) {
		next = element_next(delay, NS_DELAY, "delay");
		if (str_equal(element_attr(delay, "from"), from))
			element_detach(delay);
	}
}
