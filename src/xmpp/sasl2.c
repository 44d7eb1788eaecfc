/* SPDX-License-Identifier: MIT */
/* sasl2.c - reading and writing the elements of XEP-0388. */
#include "xmpp/sasl2.h"

#include "base/base64.h"
#include "base/utf8.h"
#include "xmpp/ns.h"
#include "xmpp/xml_writer.h"

/* The schema's type Uuid, in lower case. Its version is the client's business. */
static int
read_uuid(struct arena *arena, struct str text, struct str *out)
{
	char *p;

	if (text.len != SASL2_AGENT_ID_SIZE)
		return -1;
	p = arena_bytes(arena, text.len);
	for (size_t i = 0; i < text.len; i++) {
		bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
		char c = text.p[i];

		if (c >= 'A' && c <= 'F')
			c = (char)(c - 'A' + 'a');
		if (is_dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return -1;
		p[i] = c;
	}
	*out = str_of(p, text.len);
	return 0;
}

static struct str
short_text(struct arena *arena, const struct element *agent, const char *name)
{
	struct str text = element_child_text(arena, agent, NS_SASL2, name);
	size_t len = MIN(text.len, SASL2_AGENT_TEXT_MAX);

	while (len > 0 && len < text.len && ((unsigned char)text.p[len] & 0xc0) == 0x80)
		len--;
	return text.p != NULL ? arena_dup(arena, str_first(text, len)) : STR("");
}

int
sasl2_read_data(struct arena *arena, const struct element *el, struct str *out)
{
	struct str text = str_trim(element_text(arena, el));

	*out = STR("");
	return text.len > 0 ? base64_decode(arena, text, out) : 0;
}

int
sasl2_read_authenticate(struct arena *arena, const struct element *el, struct sasl2_request *out,
			const char **why)
{
	const struct element *data = element_child(el, NS_SASL2, "initial-response");
	const struct element *agent = element_child(el, NS_SASL2, "user-agent");

	*out = (struct sasl2_request){.mechanism = arena_dup(arena, element_attr(el, "mechanism")),
				      .software = STR(""),
				      .device = STR("")};
	*why = "no mechanism";
	if (out->mechanism.len == 0)
		return -1;
	*why = "an element twice";
	if ((data != NULL && element_next(data, NS_SASL2, "initial-response") != NULL) ||
	    (agent != NULL && element_next(agent, NS_SASL2, "user-agent") != NULL))
		return -1;
	if (data != NULL)
		out->data_is_bad = sasl2_read_data(arena, data, &out->data) < 0;
	if (agent == NULL)
		return 0;
	*why = "the id of <user-agent/> is no UUID";
	if (element_attr(agent, "id").p != NULL &&
	    read_uuid(arena, element_attr(agent, "id"), &out->agent_id) < 0)
		return -1;
	out->software = short_text(arena, agent, "software");
	out->device = short_text(arena, agent, "device");
	return 0;
}

void
sasl2_write_challenge(struct buf *out, struct str data)
{
	struct arena *arena = arena_new();

	buf_addz(out, "<challenge xmlns='" NS_SASL2 "'>");
	buf_add(out, base64_encode(arena, data));
	buf_addz(out, "</challenge>");
	arena_free(arena);
}

void
sasl2_write_failure(struct buf *out, enum sasl_failure failure, const char *text)
{
	buf_printf(out, "<failure xmlns='" NS_SASL2 "'><%s xmlns='" NS_SASL "'/>",
		   sasl_failure_name(failure));
	if (text != NULL) {
		buf_addz(out, "<text>");
		xml_escape(out, str(text));
		buf_addz(out, "</text>");
	}
	buf_addz(out, "</failure>");
}

void
sasl2_write_continue(struct buf *out, struct str data, const char *task)
{
	struct arena *arena = arena_new();

	buf_addz(out, "<continue xmlns='" NS_SASL2 "'>");
	if (data.p != NULL)
		buf_printf(out, "<additional-data>%.*s</additional-data>",
			   STR_ARG(base64_encode(arena, data)));
	buf_printf(out, "<tasks><task>%s</task></tasks></continue>", task);
	arena_free(arena);
}

struct element *
sasl2_success(struct arena *arena, struct str data, struct str jid)
{
	struct element *el = element_new(arena, NS_SASL2, "success");

	if (data.p != NULL)
		element_add_leaf(arena, el, "additional-data", base64_encode(arena, data));
	element_add_leaf(arena, el, "authorization-identifier", jid);
	return el;
}
