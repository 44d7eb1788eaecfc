/* SPDX-License-Identifier: MIT */
/* client_stream_auth.c - the client's choice of a SASL mechanism, and its dialogue (RFC 6120 §6).
 */
#include "xmpp/client_stream_state.h"

#include "base/base64.h"
#include "xmpp/ns.h"

#include <openssl/crypto.h>

#define NS_CHANNEL_BINDING "urn:xmpp:sasl-cb:0" /* XEP-0440 */
#define PLUS_BITS                                                                                  \
	(SASL_BIT(SASL_SCRAM_SHA_512_PLUS) | SASL_BIT(SASL_SCRAM_SHA_256_PLUS) |                   \
	 SASL_BIT(SASL_SCRAM_SHA_1_PLUS))

/* What the server announces, as bits. */
static uint32_t
announced_mechanisms(const struct client_stream *cs)
{
	const struct element *list = element_child(cs->features, NS_SASL, "mechanisms");
	uint32_t bits = 0;

	if (list == NULL)
		return 0;
	for (const struct element *el = element_child(list, NS_SASL, "mechanism"); el != NULL;
	     el = element_next(el, NS_SASL, "mechanism")) {
		enum sasl_mechanism mechanism;
		struct str name = str_trim(element_text(cs->features_arena, el));

		if (sasl_mechanism_parse(name, &mechanism) == 0)
			bits |= SASL_BIT(mechanism);
	}
	return bits;
}

/* Our binding, less the types that the server's list lacks (XEP-0440). *HAS_LIST: it sent one. */
static struct sasl_binding
common_binding(const struct client_stream *cs, bool *has_list)
{
	const struct element *list =
		element_child(cs->features, NS_CHANNEL_BINDING, "sasl-channel-binding");
	struct sasl_binding common = {STR_NONE, STR_NONE};

	*has_list = list != NULL;
	if (list == NULL)
		return cs->binding;
	for (const struct element *el = element_child(list, NS_CHANNEL_BINDING, "channel-binding");
	     el != NULL; el = element_next(el, NS_CHANNEL_BINDING, "channel-binding")) {
		struct str type = element_attr(el, "type");

		if (str_is(type, "tls-exporter"))
			common.exporter = cs->binding.exporter;
		else if (str_is(type, "tls-server-end-point"))
			common.end_point = cs->binding.end_point;
	}
	return common;
}

static bool
is_empty(struct sasl_binding binding)
{
	return binding.exporter.len == 0 && binding.end_point.len == 0;
}

/*
 * What we may use of what is announced. Returns -1 when somebody has tampered with the list:
 * binding types without a -PLUS mechanism, or none that can be common (XEP-0440, business rules).
 */
static int
usable_mechanisms(struct client_stream *cs, uint32_t announced, struct sasl_binding *binding,
		  uint32_t *usable)
{
	bool has_list, can_bind = !is_empty(cs->binding) && (cs->options.mechanisms & PLUS_BITS);

	*usable = announced & cs->options.mechanisms;
	*binding = common_binding(cs, &has_list);
	if (can_bind && has_list && (!(announced & PLUS_BITS) || is_empty(*binding)))
		return -1;
	if (is_empty(*binding))
		*usable &= ~PLUS_BITS;
	if (!cs->is_secure && !cs->options.clear_passwords)
		*usable &= ~SASL_BIT(SASL_PLAIN);
	/* "y" tells the server what we did not see; "n" that we would not bind anyway. */
	if (!can_bind || ((announced & PLUS_BITS) && !(*usable & PLUS_BITS)))
		*binding = (struct sasl_binding){STR_NONE, STR_NONE};
	return 0;
}

/* RFC 6120 §6.4.2: "=" is an empty initial response, nothing is none. */
static void
write_auth(struct client_stream *cs, struct str first)
{
	buf_printf(&cs->out, "<auth xmlns='" NS_SASL "' mechanism='%s'>", cs->mechanism);
	if (first.p != NULL && first.len == 0)
		buf_add_char(&cs->out, '=');
	else if (first.len > 0) {
		struct arena *scratch = arena_new();
		struct str text = base64_encode(scratch, first);

		buf_add(&cs->out, text);
		OPENSSL_cleanse((char *)text.p, text.len);
		arena_free(scratch);
	}
	buf_addz(&cs->out, "</auth>");
}

enum client_event
client_sasl_start(struct client_stream *cs)
{
	struct sasl_binding binding;
	struct str first;
	const char *why = NULL;
	uint32_t usable;
	int m = 0;

	if (usable_mechanisms(cs, announced_mechanisms(cs), &binding, &usable) < 0)
		return client_fail(cs, STR_NONE, "channel binding was taken off the server's list");
	if (usable == 0)
		return client_fail(cs, STR_NONE, "no common SASL mechanism");
	while (!(usable & SASL_BIT(m))) /* their order is that of strength */
		m++;
	cs->mechanism = sasl_mechanism_name((enum sasl_mechanism)m);
	cs->sasl = sasl_client_new((enum sasl_mechanism)m, cs->options.username,
				   cs->options.password, cs->options.authzid, binding);
	sasl_client_keep_keys(cs->sasl, cs->options.keys);
	if (cs->options.nonce.p != NULL)
		sasl_client_set_nonce(cs->sasl, cs->options.nonce);
	if (sasl_client_step(cs->sasl, STR_NONE, &first, &why) < 0)
		return client_fail(cs, STR_NONE, why);
	write_auth(cs, first);
	cs->state = CLIENT_WANTS_CHALLENGE;
	return CLIENT_MORE;
}

/* The data of <challenge/> or <success/>; p NULL: none. */
static int
sasl_data(struct arena *scratch, const struct element *el, struct str *out)
{
	struct str text = str_trim(element_text(scratch, el));

	*out = STR_NONE;
	if (text.len == 0)
		return 0;
	if (str_is(text, "=")) {
		*out = STR("");
		return 0;
	}
	return base64_decode(scratch, text, out);
}

static enum client_event
take_challenge(struct client_stream *cs, struct arena *scratch, struct str data)
{
	const char *why = NULL;
	struct str response;

	if (sasl_client_step(cs->sasl, data, &response, &why) < 0)
		return client_fail(cs, STR_NONE, why);
	buf_addz(&cs->out, "<response xmlns='" NS_SASL "'>");
	buf_add(&cs->out, base64_encode(scratch, response));
	buf_addz(&cs->out, "</response>");
	return CLIENT_MORE;
}

static enum client_event
take_data(struct client_stream *cs, struct arena *scratch, const struct element *el)
{
	const char *why = NULL;
	struct str data;

	if (sasl_data(scratch, el, &data) < 0)
		return client_fail(cs, STR_NONE, "server's SASL data is not base64");
	if (element_is(el, NS_SASL, "challenge"))
		return take_challenge(cs, scratch, data);
	if (sasl_client_finish(cs->sasl, data, &why) < 0)
		return client_fail(cs, STR_NONE, why);
	sasl_client_free(cs->sasl);
	cs->sasl = NULL;
	cs->is_authenticated = true;
	return CLIENT_MORE;
}

enum client_event
client_sasl_take(struct client_stream *cs, const struct element *el)
{
	struct arena *scratch;
	enum client_event event;

	if (element_is(el, NS_SASL, "failure")) {
		const struct element *condition = element_child(el, NS_SASL, NULL);

		return client_fail(cs, condition != NULL ? condition->name : STR_NONE,
				   "authentication failed");
	}
	if (!element_is(el, NS_SASL, "challenge") && !element_is(el, NS_SASL, "success"))
		return client_fail(cs, STR_NONE, "server broke off SASL");
	scratch = arena_new();
	event = take_data(cs, scratch, el);
	arena_free(scratch);
	return event;
}
