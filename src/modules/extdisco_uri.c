/* SPDX-License-Identifier: MIT */
/* extdisco_uri.c - reading URIs of STUN and TURN (RFC 7064 §3.1, RFC 7065 §3.1). */
#include "modules/extdisco.h"

static int
read_port(struct str text, struct str *out)
{
	uint64_t port;

	*out = text;
	return str_to_u64(text, 65535, &port) == 0 && port > 0 ? 0 : -1;
}

int
external_service_parse(struct str uri, struct external_service *out)
{
	ptrdiff_t colon = str_find(uri, ':'), query = str_find(uri, '?'), end;
	struct str rest;

	*out = (struct external_service){0};
	if (colon <= 0)
		return -1;
	out->type = str_first(uri, (size_t)colon);
	rest = str_from(uri, (size_t)colon + 1);
	if (query > colon) {
		static const char key[] = "transport=";
		struct str value = str_from(uri, (size_t)query + 1);

		if (!str_starts(value, str(key)))
			return -1;
		out->transport = str_from(value, sizeof(key) - 1);
		rest = str_first(rest, (size_t)(query - colon) - 1);
	}
	if (rest.len > 0 && rest.p[0] == '[') { /* IPv6 */
		end = str_find(rest, ']');
		if (end < 2)
			return -1;
		out->host = str_of(rest.p + 1, (size_t)end - 1);
		rest = str_from(rest, (size_t)end + 1);
		if (rest.len == 0)
			return 0;
		return rest.p[0] == ':' ? read_port(str_from(rest, 1), &out->port) : -1;
	}
	end = str_find(rest, ':');
	out->host = end >= 0 ? str_first(rest, (size_t)end) : rest;
	if (out->host.len == 0)
		return -1;
	return end >= 0 ? read_port(str_from(rest, (size_t)end + 1), &out->port) : 0;
}
