/* SPDX-License-Identifier: MIT */
/* stanza.c - making, answering and writing stanzas (RFC 6120 §8). */
#include "xmpp/stanza.h"

#include "xmpp/ns.h"
#include "xmpp/xml_reader.h"
#include "xmpp/xml_writer.h"

#include <stdatomic.h>
#include <stdlib.h>

static const struct {
	const char *name;
	enum stanza_kind kind;
} types[] = {
	[MESSAGE_NORMAL] = {"normal", STANZA_MESSAGE},
	[MESSAGE_CHAT] = {"chat", STANZA_MESSAGE},
	[MESSAGE_GROUPCHAT] = {"groupchat", STANZA_MESSAGE},
	[MESSAGE_HEADLINE] = {"headline", STANZA_MESSAGE},
	[MESSAGE_ERROR] = {"error", STANZA_MESSAGE},
	[PRESENCE_AVAILABLE] = {NULL, STANZA_PRESENCE},
	[PRESENCE_UNAVAILABLE] = {"unavailable", STANZA_PRESENCE},
	[PRESENCE_SUBSCRIBE] = {"subscribe", STANZA_PRESENCE},
	[PRESENCE_SUBSCRIBED] = {"subscribed", STANZA_PRESENCE},
	[PRESENCE_UNSUBSCRIBE] = {"unsubscribe", STANZA_PRESENCE},
	[PRESENCE_UNSUBSCRIBED] = {"unsubscribed", STANZA_PRESENCE},
	[PRESENCE_PROBE] = {"probe", STANZA_PRESENCE},
	[PRESENCE_ERROR] = {"error", STANZA_PRESENCE},
	[IQ_GET] = {"get", STANZA_IQ},
	[IQ_SET] = {"set", STANZA_IQ},
	[IQ_RESULT] = {"result", STANZA_IQ},
	[IQ_ERROR] = {"error", STANZA_IQ},
};

static const struct str kinds[] = {
	[STANZA_MESSAGE] = STR("message"),
	[STANZA_PRESENCE] = STR("presence"),
	[STANZA_IQ] = STR("iq"),
};

const char *
stanza_kind_name(enum stanza_kind kind)
{
	return kinds[kind].p;
}

static int
kind_of(const struct element *el, enum stanza_kind *kind)
{
	if (!str_is(el->ns, NS_CLIENT) && !str_is(el->ns, NS_SERVER))
		return -1;
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (str_equal(el->name, kinds[i])) {
			*kind = (enum stanza_kind)i;
			return 0;
		}
	return -1;
}

bool
stanza_is(const struct element *el)
{
	enum stanza_kind kind;

	return kind_of(el, &kind) == 0;
}

/*
 * An unknown type of message is a normal one (RFC 6121 §5.2.2); of presence or iq it is an error
 * (RFC 6121 §4.7.1, RFC 6120 §8.2.3).
 */
static int
type_of(struct str text, enum stanza_kind kind, enum stanza_type *type)
{
	if (text.p == NULL) {
		*type = kind == STANZA_MESSAGE ? MESSAGE_NORMAL : PRESENCE_AVAILABLE;
		return kind == STANZA_IQ ? -1 : 0;
	}
	for (size_t i = 0; i < COUNT(types); i++)
		if (types[i].kind == kind && types[i].name != NULL && str_is(text, types[i].name)) {
			*type = (enum stanza_type)i;
			return 0;
		}
	*type = MESSAGE_NORMAL;
	return kind == STANZA_MESSAGE ? 0 : -1;
}

static int
address_of(struct arena *arena, const struct element *el, const char *name, struct jid *out)
{
	struct str text = element_attr(el, name);
	const char *why;

	if (text.p == NULL)
		return 0;
	return jid_parse(arena, text, out, &why);
}

/* RFC 6120 §8.2.3: a get or set has exactly one child; a result at most one. */
static bool
iq_is_well_formed(const struct stanza *iq)
{
	const struct element *child = element_child(iq->el, NULL, NULL);
	bool has_two = child != NULL && element_next(child, NULL, NULL) != NULL;

	if (iq->id.p == NULL || iq->id.len == 0)
		return false;
	if (iq->type == IQ_GET || iq->type == IQ_SET)
		return child != NULL && !has_two;
	return iq->type == IQ_ERROR || !has_two;
}

static enum stanza_condition
read_attributes(struct stanza *s)
{
	s->id = element_attr(s->el, "id");
	/* Addresses first: whatever else is wrong, the error comes from whom it was sent to. */
	if (address_of(s->arena, s->el, "to", &s->to) < 0)
		return STANZA_JID_MALFORMED;
	if (address_of(s->arena, s->el, "from", &s->from) < 0)
		return STANZA_JID_MALFORMED;
	if (type_of(element_attr(s->el, "type"), s->kind, &s->type) < 0)
		return STANZA_BAD_REQUEST;
	if (s->kind == STANZA_IQ && !iq_is_well_formed(s))
		return STANZA_BAD_REQUEST;
	return STANZA_NO_ERROR;
}

/*
 * The answer to a stanza that could not be understood: addresses that are wrong cannot be used, so
 * it goes to where the stream is, and only what cannot be an error itself gets one.
 */
static struct stanza *
refuse_unread(const struct stanza *s, enum stanza_condition condition)
{
	struct str type = element_attr(s->el, "type");
	struct stanza *reply;

	if (str_is(type, "error") || (s->kind == STANZA_IQ && str_is(type, "result")))
		return NULL;
	reply = stanza_new(s->kind,
			   s->kind == STANZA_MESSAGE    ? MESSAGE_ERROR
			   : s->kind == STANZA_PRESENCE ? PRESENCE_ERROR
							: IQ_ERROR,
			   s->to, s->from);
	stanza_set_id(reply, s->id);
	element_append(reply->el, stanza_error_new(reply->arena, condition, NULL));
	return reply;
}

struct stanza *
stanza_take(struct arena *arena, struct element *el, enum stanza_condition *condition,
	    struct stanza **reply)
{
	struct stanza *s = arena_new_of(arena, struct stanza);
	int is_stanza UNUSED;

	s->arena = arena;
	s->el = el;
	atomic_init(&s->refs, 1);
	is_stanza = kind_of(el, &s->kind);
	assert(is_stanza == 0);
	*reply = NULL;
	*condition = read_attributes(s);
	if (*condition != STANZA_NO_ERROR) {
		*reply = refuse_unread(s, *condition);
		stanza_unref(s);
		return NULL;
	}
	return s;
}

struct stanza *
stanza_new(enum stanza_kind kind, enum stanza_type type, struct jid from, struct jid to)
{
	struct arena *arena = arena_new();
	struct stanza *s = arena_new_of(arena, struct stanza);

	s->arena = arena;
	s->kind = kind;
	s->type = type;
	s->el = element_new(arena, NS_CLIENT, stanza_kind_name(kind));
	if (types[type].name != NULL && type != MESSAGE_NORMAL)
		element_setz(arena, s->el, "type", types[type].name);
	atomic_init(&s->refs, 1);
	stanza_set_from(s, from);
	stanza_set_to(s, to);
	return s;
}

struct stanza *
stanza_ref(struct stanza *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

/* Hands one reference to whoever waits for the end. */
static void
call_finish(struct stanza *s)
{
	void (*finish)(struct stanza * stanza) = s->finish;

	s->finish = NULL;
	finish(s);
}

void
stanza_finish(struct stanza *s)
{
	if (s->finish != NULL)
		call_finish(stanza_ref(s));
}

void
stanza_unref(struct stanza *s)
{
	if (s == NULL || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (s->finish != NULL) {
		atomic_store_explicit(&s->refs, 1, memory_order_relaxed);
		call_finish(s);
		return;
	}
	stanza_unref(s->parent); /* there are few, and the first has none */
	arena_free(s->arena);
}

/* PART of FROM, in TO. An empty one may stand anywhere. */
static struct str
same_part(struct str part, struct str from, struct str to)
{
	return part.len > 0 ? str_of(to.p + (part.p - from.p), part.len) : STR("");
}

static struct jid
jid_copy(struct arena *arena, struct jid jid)
{
	struct jid copy = {.text = arena_dup(arena, jid.text)};

	copy.local = same_part(jid.local, jid.text, copy.text);
	copy.domain = same_part(jid.domain, jid.text, copy.text);
	copy.resource = same_part(jid.resource, jid.text, copy.text);
	return copy;
}

void
stanza_set_from(struct stanza *s, struct jid from)
{
	assert(!s->is_frozen);
	s->from = from.text.len > 0 ? jid_copy(s->arena, from) : (struct jid){0};
}

void
stanza_set_to(struct stanza *s, struct jid to)
{
	assert(!s->is_frozen);
	s->to = to.text.len > 0 ? jid_copy(s->arena, to) : (struct jid){0};
}

void
stanza_set_id(struct stanza *s, struct str id)
{
	assert(!s->is_frozen);
	s->id = arena_dup(s->arena, id);
	element_set(s->arena, s->el, "id", s->id);
}

/* Another stanza with the content of S, and no address yet. */
static struct stanza *
share(struct stanza *s)
{
	struct arena *arena = arena_new();
	struct stanza *copy = arena_new_of(arena, struct stanza);

	stanza_freeze(s);
	copy->arena = arena;
	/* What only shares is not kept for it. */
	copy->parent = stanza_ref(s->is_shared ? s->parent : s);
	copy->el = s->el;
	copy->kind = s->kind;
	copy->type = s->type;
	copy->from = s->from;
	copy->id = s->id;
	copy->rest = s->rest;
	copy->inner = s->inner;
	atomic_init(&copy->refs, 1);
	return copy;
}

struct stanza *
stanza_readdress(struct stanza *s, struct jid to)
{
	struct stanza *copy = share(s);

	stanza_set_to(copy, to);
	copy->is_frozen = copy->is_shared = true;
	return copy;
}

struct stanza *
stanza_resend(struct stanza *s, struct jid from, struct jid to)
{
	struct stanza *copy = share(s);

	copy->el = element_copy(copy->arena, s->el);
	stanza_set_from(copy, from);
	stanza_set_to(copy, to);
	copy->is_frozen = true;
	return copy;
}

void
stanza_add_front(struct stanza *s, struct element *child)
{
	struct buf text = {0};

	assert(s->is_frozen && !s->is_shared);
	xml_write(&text, child, STR(NS_CLIENT));
	s->inner = arena_join(s->arena, buf_str(&text), s->inner);
	element_prepend(s->el, child);
	buf_free(&text);
}

struct stanza *
stanza_copy(const struct stanza *s)
{
	struct arena *arena = arena_new();
	struct stanza *copy = arena_new_of(arena, struct stanza);

	copy->arena = arena;
	copy->el = element_copy(arena, s->el);
	copy->kind = s->kind;
	copy->type = s->type;
	copy->id = arena_dup(arena, s->id);
	atomic_init(&copy->refs, 1);
	stanza_set_from(copy, s->from);
	stanza_set_to(copy, s->to);
	return copy;
}

bool
stanza_may_be_refused(const struct stanza *s)
{
	switch (s->type) {
	case MESSAGE_ERROR:
	case PRESENCE_ERROR:
	case IQ_ERROR:
	case IQ_RESULT:
		return false;
	default:
		return true;
	}
}

struct stanza *
stanza_error_reply(const struct stanza *s, enum stanza_condition condition, const char *text)
{
	enum stanza_type type = s->kind == STANZA_MESSAGE    ? MESSAGE_ERROR
				: s->kind == STANZA_PRESENCE ? PRESENCE_ERROR
							     : IQ_ERROR;
	struct stanza *reply = stanza_new(s->kind, type, s->to, s->from);

	stanza_set_id(reply, s->id);
	element_append(reply->el, stanza_error_new(reply->arena, condition, text));
	return reply;
}

struct stanza *
stanza_result(const struct stanza *iq)
{
	struct stanza *reply = stanza_new(STANZA_IQ, IQ_RESULT, iq->to, iq->from);

	stanza_set_id(reply, iq->id);
	return reply;
}

/* Written straight into the arena: a buffer of the largest size it can have never grows. */
static void
freeze_rest(struct stanza *s)
{
	struct buf buf = {0};
	size_t size = 0;

	for (const struct attr *a = s->el->attrs; a != NULL; a = a->next)
		size += sizeof(" xml:=''") + a->name.len + a->value.len * sizeof("&quot;");
	buf.p = arena_bytes(s->arena, size);
	buf.size = size;
	for (const struct attr *a = s->el->attrs; a != NULL; a = a->next) {
		if (a->ns.len > 0 && str_is(a->ns, NS_XML))
			buf_add(&buf, STR(" xml:"));
		else if (a->ns.len > 0 || str_is(a->name, "from") || str_is(a->name, "to"))
			continue;
		else
			buf_add_char(&buf, ' ');
		buf_add(&buf, a->name);
		buf_add(&buf, STR("='"));
		xml_escape(&buf, a->value);
		buf_add_char(&buf, '\'');
	}
	assert(buf.size == size);
	s->rest = buf_str(&buf);
}

static void
freeze_inner(struct stanza *s)
{
	struct buf buf = {0};

	if (!s->is_edited && element_inner_source(s->el, &s->inner))
		return;
	/* Written for a stream of NS_CLIENT, whatever the content namespace it came in. */
	for (const struct element *c = s->el->children; c != NULL; c = c->next)
		xml_write(&buf, c, s->el->ns);
	s->inner = arena_dup(s->arena, buf_str(&buf));
	if (s->inner.p == NULL)
		s->inner = STR("");
	buf_free(&buf);
}

void
stanza_freeze(struct stanza *s)
{
	if (s->is_frozen)
		return;
	freeze_rest(s);
	freeze_inner(s);
	s->is_frozen = true;
}

void
stanza_freeze_as(struct stanza *s, struct element *child, struct str inner)
{
	assert(!s->is_frozen);
	freeze_rest(s);
	element_append(s->el, child);
	s->inner = arena_dup(s->arena, inner);
	s->is_frozen = true;
}

static void
add_address(struct buf *out, struct str name, struct str own, struct str overlay)
{
	struct str text = overlay.p != NULL ? overlay : own;

	if (text.len == 0)
		return;
	buf_add(out, name);
	xml_escape(out, text); /* an apostrophe may stand in a resource */
	buf_add_char(out, '\'');
}

static void
write_parts(struct buf *out, struct str kind, struct str from, struct str to, struct str rest,
	    struct str inner, const struct overlay *overlay)
{
	static const struct overlay none;
	const struct overlay *o = overlay ? overlay : &none;

	buf_room(out, 64 + from.len + to.len + rest.len + inner.len + o->extra.len);
	buf_add_char(out, '<');
	buf_add(out, kind);
	if (o->is_inside)
		buf_add(out, STR(" xmlns='" NS_CLIENT "'"));
	add_address(out, STR(" from='"), from, o->from);
	add_address(out, STR(" to='"), to, o->to);
	buf_add(out, rest);
	if (inner.len == 0 && o->extra.len == 0) {
		buf_add(out, STR("/>"));
		return;
	}
	buf_add_char(out, '>');
	buf_add(out, o->extra);
	buf_add(out, inner);
	buf_add(out, STR("</"));
	buf_add(out, kind);
	buf_add_char(out, '>');
}

void
stanza_write(struct buf *out, const struct stanza *s, const struct overlay *overlay)
{
	assert(s->is_frozen);
	write_parts(out, kinds[s->kind], s->from.text, s->to.text, s->rest, s->inner, overlay);
}

static struct str
wire_put(char **at, struct str text)
{
	struct str copy = str_of(*at, text.len);

	if (text.len > 0)
		memcpy(*at, text.p, text.len);
	*at += text.len;
	return copy;
}

struct wire *
wire_freeze(struct stanza *s)
{
	struct wire *wire;
	char *at;

	stanza_freeze(s);
	wire = xalloc(sizeof(*wire) + s->from.text.len + s->to.text.len + s->rest.len +
		      s->inner.len);
	at = wire->bytes;
	atomic_init(&wire->refs, 1);
	wire->kind = (uint8_t)s->kind;
	wire->type = (uint8_t)s->type;
	wire->from = wire_put(&at, s->from.text);
	wire->to = wire_put(&at, s->to.text);
	wire->rest = wire_put(&at, s->rest);
	wire->inner = wire_put(&at, s->inner);
	return wire;
}

struct wire *
wire_ref(struct wire *wire)
{
	atomic_fetch_add_explicit(&wire->refs, 1, memory_order_relaxed);
	return wire;
}

void
wire_unref(struct wire *wire)
{
	if (wire != NULL && atomic_fetch_sub_explicit(&wire->refs, 1, memory_order_acq_rel) == 1)
		free(wire);
}

void
wire_replace(struct wire **slot, struct wire *wire)
{
	wire_unref(*slot);
	*slot = wire;
}

void
wire_write(struct buf *out, const struct wire *wire, const struct overlay *overlay)
{
	write_parts(out, kinds[wire->kind], wire->from, wire->to, wire->rest, wire->inner, overlay);
}

struct stanza *
stanza_parse(struct str text)
{
	/* It was within its stream's limits when it came; an overlay may have added a little. */
	static const struct xml_limits limits = {
		.bytes = 64u << 20, .depth = 1024, .attributes = 1024, .nodes = 1u << 22};
	struct arena *arena = arena_new();
	enum stanza_condition condition;
	struct stanza *stanza, *reply;
	struct str whole;
	struct element *el;
	const char *why;

	/* Stored without a declaration of the stream's namespace, which it inherits. */
	whole = arena_printf(arena, "<stream xmlns='" NS_CLIENT "'>%.*s</stream>", STR_ARG(text));
	el = xml_parse(arena, whole, &limits, &why);
	el = el ? element_child(el, NULL, NULL) : NULL;
	if (el == NULL || !stanza_is(el)) {
		arena_free(arena);
		return NULL;
	}
	element_detach(el);
	stanza = stanza_take(arena, el, &condition, &reply);
	stanza_unref(reply);
	return stanza;
}

struct stanza *
wire_thaw(const struct wire *wire)
{
	struct buf buf = {0};
	struct stanza *stanza;

	wire_write(&buf, wire, NULL);
	stanza = stanza_parse(buf_str(&buf));
	buf_free(&buf);
	return stanza;
}
