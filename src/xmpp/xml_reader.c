/* SPDX-License-Identifier: MIT */
/* xml_reader.c - what stands between the first-level elements, and the copying of their bytes. */
#include "xmpp/xml_reader.h"

#include "xmpp/xml_scan.h"
#include "xmpp/xml_work.h"

#include <stdlib.h>

#define FIRST_COPY 512u /* bytes that are copied in the hope that the element ends in them */
#define PADDING 8u      /* see struct xml_work */

enum phase {
	AT_START,  /* a byte order mark may come */
	IN_PROLOG, /* an XML declaration may come */
	BEFORE_ROOT,
	IN_ROOT,
	AT_ROOT_END, /* the root was empty */
	AT_END,
	FAILED,
};

struct xml_reader {
	struct xml_work *work;             /* NULL between first-level elements */
	const struct xml_context *context; /* NULL before the header, and without root */
	const char *why;
	struct xml_limits limits;
	uint8_t phase, fault;
	uint8_t mark_bytes; /* of a byte order mark, seen */
	bool has_root;
	bool (*enters)(const struct element *el, void *arg); /* or NULL */
	void *enters_arg;
	unsigned level; /* how many roots are open */
};

/* Nearly all streams declare nothing else, so that they need no memory for it. */
static const struct xml_binding client_bindings[] = {
	{STR(""), STR("jabber:client"), 0},
	{STR("stream"), STR("http://etherx.jabber.org/streams"), 0},
};
static const struct xml_binding server_bindings[] = {
	{STR(""), STR("jabber:server"), 0},
	{STR("stream"), STR("http://etherx.jabber.org/streams"), 0},
};
static const struct xml_binding dialback_bindings[] = {
	{STR(""), STR("jabber:server"), 0},
	{STR("stream"), STR("http://etherx.jabber.org/streams"), 0},
	{STR("db"), STR("jabber:server:dialback"), 0},
};
static const struct xml_binding component_bindings[] = {
	{STR(""), STR("jabber:component:accept"), 0},
	{STR("stream"), STR("http://etherx.jabber.org/streams"), 0},
};
static const struct xml_context usual_contexts[] = {
	{STR("stream:stream"), client_bindings, COUNT(client_bindings), true},
	{STR("stream:stream"), server_bindings, COUNT(server_bindings), true},
	{STR("stream:stream"), dialback_bindings, COUNT(dialback_bindings), true},
	{STR("stream:stream"), component_bindings, COUNT(component_bindings), true},
};

static bool
has_binding(const struct xml_work *w, const struct xml_binding *wanted)
{
	for (uint32_t i = 0; i < w->binding_count; i++)
		if (str_equal(w->bindings[i].prefix, wanted->prefix))
			return str_equal(w->bindings[i].ns, wanted->ns);
	return false;
}

static const struct xml_context *
find_usual_context(const struct xml_work *w, struct str root)
{
	for (size_t i = 0; i < COUNT(usual_contexts); i++) {
		const struct xml_context *context = &usual_contexts[i];
		bool is_same = str_equal(root, context->root) && w->binding_count == context->count;

		for (uint32_t k = 0; is_same && k < context->count; k++)
			is_same = has_binding(w, &context->bindings[k]);
		if (is_same)
			return context;
	}
	return NULL;
}

static struct str
put_text(char **at, struct str text)
{
	char *p = *at;

	if (text.len > 0)
		memcpy(p, text.p, text.len);
	*at += text.len;
	return str_of(p, text.len);
}

static size_t
put_bindings(struct xml_binding *to, const struct xml_binding *from, size_t count, char **at)
{
	for (size_t i = 0; i < count; i++) {
		to[i].prefix = put_text(at, from[i].prefix);
		to[i].ns = put_text(at, from[i].ns);
		to[i].depth = 0;
	}
	return count;
}

/* What the header that W has read says of all that follows it, in one piece of memory. */
static const struct xml_context *
context_new(const struct xml_work *w)
{
	struct str root = str_of(w->top->source.p + 1, w->top->qname_len);
	const struct xml_context *outer = w->context;
	const struct xml_context *usual = outer == NULL ? find_usual_context(w, root) : NULL;
	size_t count = w->binding_count + (outer != NULL ? outer->count : 0);
	size_t size = sizeof(struct xml_context) + count * sizeof(struct xml_binding);
	size_t text_size = root.len;
	struct xml_context *context;
	struct xml_binding *bindings;
	char *at;

	if (usual != NULL)
		return usual;
	for (uint32_t i = 0; outer != NULL && i < outer->count; i++)
		text_size += outer->bindings[i].prefix.len + outer->bindings[i].ns.len;
	for (uint32_t i = 0; i < w->binding_count; i++)
		text_size += w->bindings[i].prefix.len + w->bindings[i].ns.len;
	context = xalloc(size + text_size);
	bindings = (struct xml_binding *)(context + 1);
	at = (char *)context + size;
	/* The innermost declaration is the first that is found. */
	count = put_bindings(bindings, w->bindings, w->binding_count, &at);
	if (outer != NULL)
		count += put_bindings(bindings + count, outer->bindings, outer->count, &at);
	context->root = put_text(&at, root);
	context->bindings = bindings;
	context->count = (uint16_t)count;
	context->outer = outer;
	return context;
}

static void
context_free(const struct xml_context *context)
{
	if (context != NULL && !context->is_constant)
		free((void *)context);
}

struct xml_reader *
xml_reader_new(const struct xml_limits *limits, bool has_root)
{
	struct xml_reader *reader = xnew(struct xml_reader);

	reader->limits = *limits;
	reader->has_root = has_root;
	return reader;
}

static void
drop_work(struct xml_reader *reader)
{
	if (reader->work != NULL)
		arena_free(reader->work->arena);
	free(reader->work);
	reader->work = NULL;
}

/* Out of the innermost root that is open. */
static void
leave(struct xml_reader *reader)
{
	const struct xml_context *context = reader->context;

	reader->context = context->outer;
	reader->level--;
	context_free(context);
}

void
xml_reader_restart(struct xml_reader *reader)
{
	drop_work(reader);
	while (reader->context != NULL)
		leave(reader);
	reader->level = 0;
	reader->phase = AT_START;
	reader->mark_bytes = 0;
}

void
xml_reader_free(struct xml_reader *reader)
{
	if (reader == NULL)
		return;
	xml_reader_restart(reader);
	free(reader);
}

void
xml_reader_set_limits(struct xml_reader *reader, const struct xml_limits *limits)
{
	reader->limits = *limits;
}

void
xml_reader_set_enters(struct xml_reader *reader,
		      bool (*enters)(const struct element *el, void *arg), void *arg)
{
	reader->enters = enters;
	reader->enters_arg = arg;
}

bool
xml_reader_is_inside(const struct xml_reader *reader)
{
	return reader->work != NULL || (reader->phase == AT_START && reader->mark_bytes > 0);
}

enum xml_fault
xml_reader_why(const struct xml_reader *reader, const char **phrase)
{
	if (phrase != NULL)
		*phrase = reader->why;
	return (enum xml_fault)reader->fault;
}

static enum xml_event
fail(struct xml_reader *reader, enum xml_fault fault, const char *why)
{
	reader->phase = FAILED;
	reader->fault = (uint8_t)fault;
	reader->why = why;
	return XML_WRONG;
}

/* Takes what may stand in front of a '<'. XML_MORE: all is taken; XML_ELEMENT: a '<' is next. */
static enum xml_event
skip_to_markup(struct xml_reader *reader, struct str *input)
{
	static const char byte_order_mark[] = "\xef\xbb\xbf";

	for (; input->len > 0; *input = str_from(*input, 1)) {
		unsigned char c = (unsigned char)*input->p;

		if (reader->phase == AT_START) {
			if (c == (unsigned char)byte_order_mark[reader->mark_bytes]) {
				if (++reader->mark_bytes == sizeof(byte_order_mark) - 1)
					reader->phase = IN_PROLOG;
				continue;
			}
			if (reader->mark_bytes > 0)
				return fail(reader, XML_NOT_WELL_FORMED,
					    "text outside of elements");
			reader->phase = IN_PROLOG;
		}
		if (c == '<')
			return XML_ELEMENT;
		if (xml_byte_is((char)c, XML_SPACE))
			continue;
		if (c >= 0x80 && (c < 0xc2 || c > 0xf4))
			return fail(reader, XML_BAD_UTF8, "bytes that are not UTF-8");
		return fail(reader, XML_NOT_WELL_FORMED, "text outside of elements");
	}
	return XML_MORE;
}

static void
work_start(struct xml_work *w, struct arena *arena, const struct xml_limits *limits)
{
	/* All but the bindings, which are read only up to their count. */
	memset(w, 0, offsetof(struct xml_work, first_bindings));
	w->arena = arena;
	w->limits = *limits;
	w->bindings = w->first_bindings;
	w->binding_size = COUNT(w->first_bindings);
}

/* Copies as much of INPUT behind the source as there is sense in copying now. */
static void
work_take(struct xml_work *w, struct str *input)
{
	size_t room = w->limits.bytes - w->len;
	size_t want = MIN(room, MIN(input->len, MAX(w->len, (size_t)FIRST_COPY)));

	if (w->len + want + PADDING > w->size) {
		/* At least twice as much as there was, so that all moves together cost O(1) a byte.
		 */
		size_t size = MAX(w->len + want + PADDING, 2 * w->size);

		if (w->base == NULL) {
			w->base = arena_bytes(w->arena, size);
			w->p = w->base;
			w->size = size;
		} else {
			xml_tree_grow(w, size);
		}
	}
	memcpy(w->base + w->len, input->p, want);
	w->len += want;
	memset(w->base + w->len, 0, PADDING);
	w->end = w->base + w->len;
	*input = str_from(*input, want);
}

/* Reads of INPUT until W is done; gives back what stands behind its end. */
static enum xml_step
work_read(struct xml_work *w, struct str *input)
{
	enum xml_step step = XML_STEP_CUT;

	while (step == XML_STEP_CUT && input->len > 0) {
		work_take(w, input);
		step = xml_tokens_read(w);
		if (step == XML_STEP_CUT && w->len == w->limits.bytes)
			step = xml_fail(w, XML_TOO_LARGE, "an element that is too large");
	}
	/* Something whole ends in INPUT. What is wrong may have begun in an earlier one. */
	if (step != XML_STEP_CUT && step != XML_STEP_WRONG) {
		size_t unread = (size_t)(w->end - w->p);

		input->p -= unread;
		input->len += unread;
	}
	return step;
}

/* For later: W is on the stack of a call that returns. */
static void
work_keep(struct xml_reader *reader, const struct xml_work *w)
{
	struct xml_work *kept = xnew(struct xml_work);

	*kept = *w;
	if (w->bindings == w->first_bindings)
		kept->bindings = kept->first_bindings;
	reader->work = kept;
}

static enum xml_event
take_header(struct xml_reader *reader, struct xml_work *w)
{
	struct element *root = w->top;

	reader->context = context_new(w);
	reader->level++;
	reader->phase = w->open != NULL ? IN_ROOT : AT_ROOT_END;
	root->source = STR_NONE;
	root->inner = STR_NONE;
	root->notes = 0;
	return XML_HEADER;
}

/* The end of the root, or of an element that was entered. */
static enum xml_event
take_end(struct xml_reader *reader)
{
	if (reader->level > 1) {
		leave(reader);
		reader->phase = IN_ROOT;
	} else {
		reader->phase = AT_END;
	}
	return XML_END;
}

/* W is done with STEP. XML_MORE: nothing for the caller came of it. */
static enum xml_event
work_result(struct xml_reader *reader, struct xml_work *w, enum xml_step step)
{
	switch (step) {
	case XML_STEP_HEADER:
		return take_header(reader, w);
	case XML_STEP_ELEMENT:
		reader->phase = IN_ROOT;
		return XML_ELEMENT;
	case XML_STEP_END:
		return take_end(reader);
	case XML_STEP_DECLARATION:
		reader->phase = BEFORE_ROOT;
		return XML_MORE;
	default:
		return fail(reader, (enum xml_fault)w->fault, w->why);
	}
}

static void
work_begin(struct xml_reader *reader, struct xml_work *w)
{
	work_start(w, arena_new(), &reader->limits);
	w->context = reader->context;
	w->has_root = reader->has_root;
	w->enters = reader->enters;
	w->enters_arg = reader->enters_arg;
	w->is_header = reader->has_root && reader->phase < IN_ROOT;
	w->may_declare = reader->phase == IN_PROLOG;
}

/* One element, header or declaration that starts here or goes on here. */
static enum xml_event
read_markup(struct xml_reader *reader, struct str *input, struct arena **arena,
	    struct element **out)
{
	struct xml_work fresh, *w = reader->work;
	enum xml_event event;
	enum xml_step step;

	if (w == NULL)
		work_begin(reader, w = &fresh);
	step = work_read(w, input);
	if (step == XML_STEP_CUT) {
		if (w == &fresh)
			work_keep(reader, w);
		return XML_MORE;
	}
	event = work_result(reader, w, step);
	if (event == XML_HEADER || event == XML_ELEMENT) {
		*arena = w->arena;
		*out = w->top;
	} else {
		arena_free(w->arena);
	}
	if (w != &fresh)
		free(w);
	reader->work = NULL;
	return event;
}

enum xml_event
xml_reader_next(struct xml_reader *reader, struct str *input, struct arena **arena,
		struct element **out)
{
	*arena = NULL;
	*out = NULL;
	for (;;) {
		enum xml_event event;

		if (reader->phase == FAILED)
			return XML_WRONG;
		if (reader->phase >= AT_ROOT_END)
			return take_end(reader);
		if (reader->work == NULL) {
			event = skip_to_markup(reader, input);
			if (event != XML_ELEMENT)
				return event;
		}
		event = read_markup(reader, input, arena, out);
		if (event != XML_MORE || input->len == 0)
			return event;
	}
}

bool
element_is_self_contained(const struct element *el)
{
	return (el->notes & ELEMENT_SELF_CONTAINED) != 0;
}

bool
element_inner_source(const struct element *el, struct str *inner)
{
	*inner = el->inner;
	return (el->notes & ELEMENT_INNER) != 0;
}

struct element *
xml_parse(struct arena *arena, struct str text, const struct xml_limits *limits, const char **why)
{
	struct str input = str_trim(text);
	struct xml_work w;
	enum xml_step step = XML_STEP_CUT;
	const char *unused;

	if (why == NULL)
		why = &unused;
	work_start(&w, arena, limits);
	if (input.len > 0 && *input.p == '<')
		step = work_read(&w, &input);
	if (step == XML_STEP_ELEMENT && input.len == 0)
		return w.top;
	*why = step == XML_STEP_WRONG     ? w.why
	       : step == XML_STEP_ELEMENT ? "text behind the element"
					  : "not a whole element";
	return NULL;
}
