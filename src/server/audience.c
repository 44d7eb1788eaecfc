/* SPDX-License-Identifier: MIT */
/* audience.c - addresses sorted by worker (see audience.h); route.c sends to them. */
#include "server/audience.h"

#include "server/route.h"
#include "server/server.h"

#include <stdatomic.h>
#include <stdlib.h>

struct gathering {                       /* members of one worker, until the audience is used */
	struct audience_member *members; /* their texts are offsets into text yet */
	size_t count, size;
	struct buf text;
	struct audience_part *part; /* made of it */
};

struct audience {
	uint32_t refs;
	struct flight *flight;
	size_t worker_count, count;
	struct gathering gatherings[]; /* by worker's index; the last one is of remote members */
};

struct flight *
flight_new(void)
{
	struct flight *flight = xnew(struct flight);

	atomic_init(&flight->refs, 1);
	return flight;
}

static struct flight *
flight_ref(struct flight *flight)
{
	atomic_fetch_add_explicit(&flight->refs, 1, memory_order_relaxed);
	return flight;
}

void
flight_unref(struct flight *flight)
{
	if (flight != NULL &&
	    atomic_fetch_sub_explicit(&flight->refs, 1, memory_order_acq_rel) == 1)
		free(flight);
}

struct audience *
audience_new(struct worker *worker, struct flight *flight)
{
	size_t n = worker->server->worker_count;
	struct audience *a = xalloc(sizeof(*a) + (n + 1) * sizeof(struct gathering));

	a->refs = 1;
	a->flight = flight_ref(flight);
	a->worker_count = n;
	return a;
}

/* Where PART of JID stands in its text. */
static struct str
as_offset(struct str part, struct str whole, size_t base)
{
	size_t at = part.len > 0 ? (size_t)(part.p - whole.p) : 0;

	return str_of((const char *)(base + at), part.len);
}

void
audience_add(struct audience *a, struct worker *home, struct jid jid, uint64_t tag)
{
	struct gathering *g = &a->gatherings[home ? home->index : a->worker_count];
	size_t base = buf_len(&g->text);
	struct audience_member *m;

	assert(g->part == NULL);
	if (g->count == g->size) {
		g->size = g->size > 0 ? g->size * 2 : 8;
		g->members = xrealloc(g->members, g->size * sizeof(*g->members));
	}
	m = &g->members[g->count++];
	m->tag = tag;
	m->jid.text = str_of((const char *)base, jid.text.len);
	m->jid.local = as_offset(jid.local, jid.text, base);
	m->jid.domain = as_offset(jid.domain, jid.text, base);
	m->jid.resource = as_offset(jid.resource, jid.text, base);
	buf_add(&g->text, jid.text);
	a->count++;
}

static struct str
at_base(struct str part, const char *base)
{
	return str_of(base + (uintptr_t)part.p, part.len);
}

/* In one piece of memory. NULL when nobody is there. */
static struct audience_part *
part_of(struct gathering *g, struct flight *flight)
{
	size_t size = sizeof(struct audience_part) + g->count * sizeof(struct audience_member);
	struct audience_part *part;
	char *base;

	if (g->part != NULL || g->count == 0)
		return g->part;
	part = g->part = xalloc(size + buf_len(&g->text));
	base = (char *)part + size;
	atomic_init(&part->refs, 1);
	part->count = g->count;
	part->flight = flight_ref(flight);
	memcpy(base, buf_str(&g->text).p, buf_len(&g->text));
	for (size_t i = 0; i < g->count; i++) {
		const struct audience_member *m = &g->members[i];

		part->members[i].tag = m->tag;
		part->members[i].jid.text = at_base(m->jid.text, base);
		part->members[i].jid.local = at_base(m->jid.local, base);
		part->members[i].jid.domain = at_base(m->jid.domain, base);
		part->members[i].jid.resource = at_base(m->jid.resource, base);
	}
	free(g->members);
	g->members = NULL;
	buf_free(&g->text);
	return part;
}

size_t
audience_count(const struct audience *a)
{
	return a->count;
}

struct audience *
audience_ref(struct audience *a)
{
	a->refs++;
	return a;
}

void
audience_part_unref(struct audience_part *part)
{
	if (part != NULL && atomic_fetch_sub_explicit(&part->refs, 1, memory_order_acq_rel) == 1) {
		flight_unref(part->flight);
		free(part);
	}
}

void
audience_part_arrived(struct audience_part *part)
{
	atomic_fetch_sub_explicit(&part->flight->count, part->count, memory_order_relaxed);
	audience_part_unref(part);
}

void
audience_unref(struct audience *a)
{
	if (a == NULL || --a->refs > 0)
		return;
	for (size_t i = 0; i <= a->worker_count; i++) {
		audience_part_unref(a->gatherings[i].part);
		free(a->gatherings[i].members);
		buf_free(&a->gatherings[i].text);
	}
	flight_unref(a->flight);
	free(a);
}

void
route_many(struct worker *worker, struct stanza *stanza, struct audience *a, uint64_t skip)
{
	const struct audience_part *remote = part_of(&a->gatherings[a->worker_count], a->flight);

	for (size_t i = 0; i < a->worker_count; i++) {
		struct audience_part *part = part_of(&a->gatherings[i], a->flight);

		if (part == NULL)
			continue;
		atomic_fetch_add_explicit(&part->refs, 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&a->flight->count, part->count, memory_order_relaxed);
		route_part(worker, worker->server->workers[i], stanza_ref(stanza), part, skip);
	}
	for (size_t i = 0; remote != NULL && i < remote->count; i++)
		if (remote->members[i].tag != skip)
			route(worker, stanza_readdress(stanza, remote->members[i].jid));
}
