/* SPDX-License-Identifier: MIT */
/*
 * dns.c - libunbound on a loop. Its context is made at the first question, for it costs memory and
 * a thread.
 */
#include "io/dns.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <unbound.h>

#define CLASS_IN 1

struct dns {
	struct loop *loop;
	struct ub_ctx *context;
	struct watch watch;
	struct link queries;
	char *server, *trust_anchor;
};

struct dns_query {
	struct link link;
	struct dns *dns;
	int id;
	enum dns_type type;
	struct deferred later; /* could not even be asked */
	const char *why;
	void (*done)(void *arg, const struct dns_result *result);
	void *arg;
};

struct dns *
dns_new(struct loop *loop, const char *server, const char *trust_anchor)
{
	struct dns *dns = xnew(struct dns);

	dns->loop = loop;
	dns->server = server != NULL ? xstrdup(server) : NULL;
	dns->trust_anchor = trust_anchor != NULL ? xstrdup(trust_anchor) : NULL;
	list_init(&dns->queries);
	return dns;
}

void
dns_free(struct dns *dns)
{
	if (dns == NULL)
		return;
	LIST_EACH(&dns->queries, struct dns_query, link, query)
	{
		dns_cancel(query);
	}
	if (dns->context != NULL) {
		loop_watch(dns->loop, &dns->watch, 0);
		ub_ctx_delete(dns->context);
	}
	free(dns->server);
	free(dns->trust_anchor);
	free(dns);
}

static void
ready(struct watch *watch, uint32_t events UNUSED)
{
	ub_process(CONTAINER(watch, struct dns, watch)->context);
}

static const char *
open_context(struct dns *dns)
{
	int rc = 0;

	if (dns->context != NULL)
		return NULL;
	dns->context = ub_ctx_create();
	if (dns->context == NULL)
		return "cannot start the resolver";
	ub_ctx_async(dns->context, 1); /* a thread, not a process */
	if (dns->server != NULL) {
		rc = ub_ctx_set_fwd(dns->context, dns->server);
	} else {
		rc = ub_ctx_resolvconf(dns->context, NULL);
		ub_ctx_hosts(dns->context, NULL); /* which may not be there */
	}
	/* Test zones and private networks are on loopback or have no delegation. */
	if (rc == 0 && dns->server != NULL)
		rc = ub_ctx_set_option(dns->context, "do-not-query-localhost:", "no");
	if (rc == 0 && dns->trust_anchor != NULL)
		rc = ub_ctx_add_ta_file(dns->context, dns->trust_anchor);
	if (rc != 0) {
		ub_ctx_delete(dns->context);
		dns->context = NULL;
		return ub_strerror(rc);
	}
	dns->watch.fd = ub_fd(dns->context);
	dns->watch.ready = ready;
	loop_watch(dns->loop, &dns->watch, EPOLLIN);
	return NULL;
}

static int
read_u16(struct str *data, uint16_t *out)
{
	if (data->len < 2)
		return -1;
	*out = (uint16_t)((unsigned char)data->p[0] << 8 | (unsigned char)data->p[1]);
	*data = str_from(*data, 2);
	return 0;
}

/* Labels with their lengths; there is no compression in an SRV target (RFC 2782). */
static int
read_name(struct str data, char out[DNS_NAME_MAX + 1])
{
	size_t len = 0;

	for (;;) {
		size_t label = data.len > 0 ? (unsigned char)data.p[0] : 64;

		data = str_from(data, 1);
		if (label == 0 && data.len == 0)
			break;
		if (label == 0 || label > 63 || label > data.len ||
		    len + (len > 0) + label > DNS_NAME_MAX)
			return -1;
		for (size_t i = 0; i < label; i++) /* no byte that would change the meaning */
			if ((unsigned char)data.p[i] <= ' ' || data.p[i] == '.' ||
			    data.p[i] == '\\' || (unsigned char)data.p[i] >= 0x7f)
				return -1;
		if (len > 0)
			out[len++] = '.';
		memcpy(out + len, data.p, label);
		len += label;
		data = str_from(data, label);
	}
	out[len] = '\0';
	return 0;
}

int
dns_read_record(enum dns_type type, struct str data, struct dns_record *out)
{
	switch (type) {
	case DNS_A:
		if (data.len != sizeof(out->v4))
			return -1;
		memcpy(&out->v4, data.p, data.len);
		return 0;
	case DNS_AAAA:
		if (data.len != sizeof(out->v6))
			return -1;
		memcpy(&out->v6, data.p, data.len);
		return 0;
	case DNS_SRV:
		if (read_u16(&data, &out->priority) < 0 || read_u16(&data, &out->weight) < 0 ||
		    read_u16(&data, &out->port) < 0)
			return -1;
		return read_name(data, out->target);
	case DNS_TLSA:
		if (data.len < 4)
			return -1;
		out->pin.usage = (uint8_t)data.p[0];
		out->pin.selector = (uint8_t)data.p[1];
		out->pin.matching = (uint8_t)data.p[2];
		out->pin.data = str_from(data, 3);
		return 0;
	}
	return -1;
}

static void
finish(struct dns_query *query, const struct dns_result *result)
{
	list_remove(&query->link);
	query->done(query->arg, result);
	free(query);
}

static void
read_records(const struct dns_query *query, const struct ub_result *from, struct dns_result *out)
{
	for (size_t i = 0; from->data[i] != NULL && out->count < DNS_RECORDS_MAX; i++)
		if (from->len[i] >= 0 &&
		    dns_read_record(query->type, str_of(from->data[i], (size_t)from->len[i]),
				    &out->records[out->count]) == 0)
			out->count++;
}

static void
answered(void *arg, int error, struct ub_result *from)
{
	struct dns_query *query = arg;
	struct arena *arena = arena_new();
	struct dns_result result = {.status = DNS_FAILED, .why = "no name server answers"};

	result.records = arena_array(arena, struct dns_record, DNS_RECORDS_MAX);
	if (error != 0) {
		result.why = ub_strerror(error);
	} else if (from->bogus) {
		result.why = "the answer is not the domain's own, DNSSEC says";
	} else if (from->nxdomain || from->rcode == 0) {
		result.status = from->nxdomain ? DNS_NO_NAME : DNS_NONE;
		result.is_secure = from->secure;
		if (from->havedata)
			read_records(query, from, &result);
		if (result.count > 0)
			result.status = DNS_OK;
	}
	finish(query, &result);
	ub_resolve_free(from);
	arena_free(arena);
}

static void
not_asked(struct deferred *later)
{
	struct dns_query *query = CONTAINER(later, struct dns_query, later);

	finish(query, &(struct dns_result){.status = DNS_FAILED, .why = query->why});
}

struct dns_query *
dns_ask(struct dns *dns, const char *name, enum dns_type type,
	void (*done)(void *arg, const struct dns_result *result), void *arg)
{
	struct dns_query *query = xnew(struct dns_query);
	int rc = 0;

	*query = (struct dns_query){.dns = dns, .type = type, .done = done, .arg = arg};
	list_add(&dns->queries, &query->link);
	query->why = open_context(dns);
	if (query->why == NULL)
		rc = ub_resolve_async(dns->context, name, (int)type, CLASS_IN, query, answered,
				      &query->id);
	if (rc != 0)
		query->why = ub_strerror(rc);
	if (query->why != NULL) {
		query->later.run = not_asked;
		loop_defer(dns->loop, &query->later);
	}
	return query;
}

void
dns_cancel(struct dns_query *query)
{
	if (query == NULL)
		return;
	if (query->why == NULL)
		ub_cancel(query->dns->context, query->id);
	loop_defer_cancel(&query->later);
	list_remove(&query->link);
	free(query);
}
