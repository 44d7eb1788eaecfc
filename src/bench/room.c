/* SPDX-License-Identifier: MIT */
/* room.c - a room's address, the way in, and opening it. */
#include "bench/room.h"

#include <stdio.h>
#include <unistd.h>

struct room_address
room_address(const struct options *options)
{
	struct room_address room;

	snprintf(room.text, sizeof(room.text), "bench%u@%s.%s", (unsigned)getpid(),
		 options->service, options->host);
	return room;
}

void
room_enter(struct client *client, const struct room_address *room, const char *nick)
{
	client_send(client, arena_printf(client->engine->arena,
					 "<presence to='%s/%s%u'><x "
					 "xmlns='http://jabber.org/protocol/muc'>"
					 "<history maxchars='0'/></x></presence>",
					 room->text, nick, client->number));
}

void
room_open(struct client *client, const struct room_address *room)
{
	client_send(client, arena_printf(client->engine->arena,
					 "<iq type='set' id='open' to='%s'><query "
					 "xmlns='http://jabber.org/protocol/muc#owner'><x "
					 "xmlns='jabber:x:data' type='submit'/></query></iq>",
					 room->text));
}
