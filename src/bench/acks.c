/* SPDX-License-Identifier: MIT */
/* acks.c - elements of urn:xmpp:sm:3. */
#include "bench/fleet.h"

#include <stdlib.h>

#define NS_SM "urn:xmpp:sm:3"

void
acks_enable(struct client *client)
{
	acks_free(&client->acks);
	client->acks = (struct acks){0};
	client_send(client, STR("<enable xmlns='" NS_SM "' resume='true'/>"));
}

void
acks_resume(struct client *client)
{
	buf_printf(&client->out, "<resume xmlns='" NS_SM "' h='%u' previd='%s'/>", client->acks.in,
		   client->acks.id);
	client_wrote(client);
}

int
acks_enabled(struct client *client, struct str item)
{
	struct str id = scan_attribute(item, "id");

	if (!scan_is(item, "enabled"))
		return -1;
	client->acks.is_on = true;
	if (id.len > 0)
		client->acks.id = str_dupz(id);
	return 0;
}

/* The server says that it has handled the stanzas up to H, modulo 2^32 (§4). */
static void
take_count(struct client *client, struct str h)
{
	struct acks *acks = &client->acks;
	uint64_t number;
	uint32_t count;

	if (str_to_u64(h, UINT32_MAX, &number) < 0) {
		client_fail(client, "an acknowledgment without a number");
		return;
	}
	count = (uint32_t)number - acks->out_acked;
	if (count > acks->out - acks->out_acked) {
		client_fail(client, "%u stanzas acknowledged, and %u sent", (uint32_t)number,
			    acks->out);
		return;
	}
	acks->out_acked += count;
	if (count > 0 && client->engine->handlers->acked != NULL)
		client->engine->handlers->acked(client, count);
}

int
acks_resumed(struct client *client, struct str item)
{
	if (!scan_is(item, "resumed")) {
		acks_free(&client->acks);
		client->acks = (struct acks){0};
		return -1;
	}
	client->acks.is_on = client->acks.is_resumed = true;
	take_count(client, scan_attribute(item, "h"));
	return 0;
}

void
acks_ask(struct client *client)
{
	client_send(client, STR("<r xmlns='" NS_SM "'/>"));
}

bool
acks_item(struct client *client, struct str item)
{
	if (scan_is(item, "message") || scan_is(item, "iq") || scan_is(item, "presence")) {
		client->acks.in++;
		return false;
	}
	if (scan_is(item, "r")) {
		buf_printf(&client->out, "<a xmlns='" NS_SM "' h='%u'/>", client->acks.in);
		client_wrote(client);
		return true;
	}
	if (!scan_is(item, "a"))
		return false;
	take_count(client, scan_attribute(item, "h"));
	return true;
}

void
acks_free(struct acks *acks)
{
	free(acks->id);
	acks->id = NULL;
}
