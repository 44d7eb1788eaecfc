/* SPDX-License-Identifier: MIT */
/*
 * s2s_out.c - streams that we open: header, TLS, then SASL EXTERNAL, or dialback where that is not
 * to be had (RFC 6120 §4.3, XEP-0178 §3, XEP-0220 §2.1).
 */
#include "server/s2s_private.h"

#include "base/base64.h"
#include "base/log.h"

#include <stdlib.h>

static void
open_header(struct s2s *s2s)
{
	stream_open_to(&s2s->stream, s2s_output(s2s), str(s2s->local), str(s2s->remote));
	s2s_wrote(s2s);
	s2s->state = S2S_WANTS_HEADER;
}

/* This server will not do, and another one of the domain would not either. */
static void
fail(struct s2s *s2s, bool is_hopeless, enum stanza_condition condition, const char *why)
{
	struct s2s_pair *pair = s2s->pair;

	s2s->pair = NULL;
	if (pair != NULL) {
		pair->out = NULL;
		pair_failed(pair, is_hopeless, condition, why);
	}
	s2s_close(s2s, STREAM_NO_ERROR, why);
}

static void authenticate(struct s2s *s2s, const struct element *features);

static void
on_opened(struct s2s *s2s, const struct stream_event *event)
{
	struct arena *arena = arena_new();
	struct str from = str(s2s->remote);
	const char *why;

	if (event->from.p != NULL && (jid_prepare_domain(arena, event->from, &from, &why) < 0 ||
				      !str_is(from, s2s->remote))) {
		fail(s2s, true, STANZA_REMOTE_SERVER_NOT_FOUND, "it answers as another domain");
	} else {
		free(s2s->peer_id);
		s2s->peer_id = str_dupz(event->id);
		s2s->state = S2S_WANTS_FEATURES;
		if (!event->has_version) /* of before RFC 3920: no TLS, no SASL */
			authenticate(s2s, NULL);
	}
	arena_free(arena);
}

static void
send_key(struct s2s *s2s)
{
	const struct server *server = s2s->fed->worker->server;
	char key[DIALBACK_KEY_LEN];

	dialback_key(str_of(server->dialback_secret, sizeof(server->dialback_secret)),
		     str(s2s->remote), str(s2s->local), str(s2s->peer_id), key);
	s2s_send_dialback(s2s, &(struct dialback){.name = "result",
						  .from = str(s2s->local),
						  .to = str(s2s->remote),
						  .id = STR_NONE,
						  .key = str_of(key, sizeof(key))});
	s2s->state = S2S_WANTS_RESULT;
}

static bool
offers_external(const struct element *features)
{
	const struct element *list =
		features != NULL ? element_child(features, NS_SASL, "mechanisms") : NULL;
	struct arena *arena = arena_new();
	bool has_it = false;

	for (const struct element *el = list != NULL ? element_child(list, NS_SASL, "mechanism")
						     : NULL;
	     el != NULL; el = element_next(el, NS_SASL, "mechanism"))
		has_it |= str_is(str_trim(element_text(arena, el)), "EXTERNAL");
	arena_free(arena);
	return has_it;
}

/* XEP-0178 §3, step 9, with the authorization identity that older servers want. */
static void
send_external(struct s2s *s2s)
{
	struct arena *arena = arena_new();

	buf_printf(s2s_output(s2s), "<auth xmlns='" NS_SASL "' mechanism='EXTERNAL'>%.*s</auth>",
		   STR_ARG(base64_encode(arena, str(s2s->local))));
	s2s_wrote(s2s);
	s2s->state = S2S_WANTS_SASL;
	arena_free(arena);
}

/* Only with somebody whom we know: what comes on such a stream is believed (XEP-0288 §4). */
static void
ask_for_bidi(struct s2s *s2s, const struct element *features)
{
	if (features == NULL || !s2s->is_certified || s2s->is_bidi ||
	    !s2s->fed->worker->config->s2s.bidi ||
	    element_child(features, NS_BIDI_FEATURE, "bidi") == NULL)
		return;
	s2s_send_element(s2s, "<bidi xmlns='" NS_BIDI "'/>");
	s2s->is_bidi = true;
}

static void
authenticated(struct s2s *s2s)
{
	s2s_established(s2s);
	log_event(LOG_INFO, "s2s-out", LOG_Z("local", s2s->local), LOG_Z("remote", s2s->remote),
		  LOG_STR("tls", conn_tls_version(s2s->conn)),
		  LOG_Z("certificate", conn_peer_is_pinned(s2s->conn) ? "of the DNS (DANE)"
				       : s2s->is_certified            ? "good"
								      : "not verified"));
	if (s2s->is_bidi)
		s2s_new_auth(s2s, str(s2s->local), str(s2s->remote));
	ack_begin(s2s);
}

static void
authenticate(struct s2s *s2s, const struct element *features)
{
	const struct config *config = s2s->fed->worker->config;
	bool is_secure = conn_is_secure(s2s->conn);

	if (!is_secure && policy_requires_tls(config, str(s2s->remote))) {
		fail(s2s, true, STANZA_REMOTE_SERVER_NOT_FOUND, "it offers no encryption");
		return;
	}
	if (conn_has_pins(s2s->conn) && !s2s->is_certified) {
		fail(s2s, true, STANZA_REMOTE_SERVER_NOT_FOUND,
		     "its certificate is not the one that the DNS tells of (DANE)");
		return;
	}
	if (!s2s->is_certified && policy_requires_certificate(config, str(s2s->remote))) {
		fail(s2s, true, STANZA_REMOTE_SERVER_NOT_FOUND,
		     is_secure ? "its certificate is not good for the domain"
			       : "without encryption it can show no certificate");
		return;
	}
	if (features != NULL && element_child(features, NS_SM, "sm") != NULL)
		s2s->has_sm_feature = true;
	s2s_out_ask(s2s);
	ask_for_bidi(s2s, features);
	if (is_secure && !s2s->has_failed_external && offers_external(features))
		send_external(s2s);
	else
		send_key(s2s);
}

static void
on_features(struct s2s *s2s, const struct element *features)
{
	if (!conn_is_secure(s2s->conn) && element_child(features, NS_TLS, "starttls") != NULL) {
		s2s_send_element(s2s, "<starttls xmlns='" NS_TLS "'/>");
		s2s->state = S2S_WANTS_PROCEED;
	} else if (s2s->stream.is_authenticated) {
		s2s->has_sm_feature = element_child(features, NS_SM, "sm") != NULL;
		authenticated(s2s);
	} else {
		authenticate(s2s, features);
	}
}

static void
on_sasl(struct s2s *s2s, const struct element *el)
{
	if (str_is(el->name, "success")) {
		s2s->stream.is_authenticated = true;
		s2s_raise_limits(s2s);
		stream_restart(&s2s->stream);
		open_header(s2s);
	} else if (str_is(el->name, "failure")) {
		s2s->has_failed_external = true;
		send_key(s2s); /* XEP-0178 §3, step 11: perhaps it takes dialback */
	} else {
		fail(s2s, true, STANZA_REMOTE_SERVER_NOT_FOUND, "it breaks the rules of SASL");
	}
}

void
s2s_out_result(struct s2s *s2s, struct str type, struct str error)
{
	char why[100];

	if (str_is(type, "valid")) {
		authenticated(s2s);
	} else if (str_is(type, "invalid")) {
		fail(s2s, true, STANZA_INTERNAL_SERVER_ERROR,
		     "it takes our dialback key for wrong");
	} else {
		snprintf(why, sizeof(why), "it refuses our domain: %.*s", (int)MIN(error.len, 60),
			 error.p);
		fail(s2s,
		     str_is(error, "not-authorized") || str_is(error, "item-not-found") ||
			     str_is(error, "policy-violation") || str_is(error, "forbidden"),
		     STANZA_REMOTE_SERVER_TIMEOUT, why);
	}
}

void
s2s_out_secured(struct s2s *s2s)
{
	if (s2s->state == S2S_WANTS_PROCEED)
		stream_restart(&s2s->stream);
	open_header(s2s);
}

static void
on_element(struct s2s *s2s, struct element *el)
{
	if (s2s_take_dialback(s2s, el) || (s2s->stream.is_authenticated && ack_take(s2s, el)))
		return;
	if (s2s->state == S2S_WANTS_FEATURES && element_is(el, NS_STREAM, "features"))
		on_features(s2s, el);
	else if (s2s->state == S2S_WANTS_PROCEED && element_is(el, NS_TLS, "proceed"))
		s2s_start_tls(s2s);
	else if (s2s->state == S2S_WANTS_SASL && str_is(el->ns, NS_SASL))
		on_sasl(s2s, el);
	else if (s2s->state == S2S_IS_READY || s2s->state == S2S_WANTS_RESUMED ||
		 s2s->state == S2S_WANTS_RESULT)
		log_event(LOG_DEBUG, "s2s-unknown-element", LOG_STR("name", el->name));
	else
		fail(s2s, false, STANZA_REMOTE_SERVER_TIMEOUT, "it breaks the rules of streams");
}

/* What the other says as its last word (RFC 6120 §4.9.3), and what is to be done about it. */
static void
on_stream_error(struct s2s *s2s, const struct element *error)
{
	const struct element *el = element_child(error, NS_STREAM_ERROR, NULL);
	enum stream_condition condition =
		el != NULL ? stream_condition_parse(el->name) : STREAM_UNDEFINED_CONDITION;
	char why[100];

	snprintf(why, sizeof(why), "it says %s", stream_condition_name(condition));
	log_event(LOG_INFO, "s2s-error", LOG_Z("remote", s2s->remote),
		  LOG_Z("condition", stream_condition_name(condition)));
	switch (condition) {
	case STREAM_HOST_UNKNOWN:
	case STREAM_HOST_GONE:
		fail(s2s, true, STANZA_REMOTE_SERVER_NOT_FOUND, why);
		break;
	case STREAM_NOT_AUTHORIZED:
	case STREAM_UNSUPPORTED_VERSION:
		fail(s2s, true, STANZA_REMOTE_SERVER_TIMEOUT, why);
		break;
	case STREAM_POLICY_VIOLATION:
	case STREAM_NOT_WELL_FORMED:
	case STREAM_INVALID_XML:
	case STREAM_RESTRICTED_XML:
	case STREAM_BAD_FORMAT:
	case STREAM_INVALID_NAMESPACE:
	case STREAM_BAD_NAMESPACE_PREFIX:
	case STREAM_UNSUPPORTED_STANZA_TYPE:
	case STREAM_IMPROPER_ADDRESSING:
	case STREAM_INVALID_FROM:
		/* Something that we sent, and would send again for ever: it ends here. */
		if (s2s->pair != NULL)
			pair_refuse_sent(s2s->pair, why);
		s2s_close(s2s, STREAM_NO_ERROR, why);
		break;
	default:
		s2s_close(s2s, STREAM_NO_ERROR, why);
	}
}

void
s2s_out_event(struct s2s *s2s, const struct stream_event *event, struct str rest UNUSED)
{
	switch (event->kind) {
	case STREAM_OPENED:
		on_opened(s2s, event);
		break;
	case STREAM_STANZA:
		s2s_take_stanza(s2s, event);
		break;
	case STREAM_ELEMENT:
		on_element(s2s, event->el);
		break;
	case STREAM_CLOSED:
		if (event->el != NULL) {
			on_stream_error(s2s, event->el);
			break;
		}
		ack_close(s2s, STREAM_NO_ERROR, "closed by the other server");
		break;
	default:
		break;
	}
}

void
s2s_out_ask(struct s2s *s2s)
{
	if (s2s->pair == NULL)
		return;
	LIST_EACH(&s2s->pair->checks, struct s2s_check, link, check)
	{
		if (check->is_asked)
			continue;
		check->is_asked = true;
		s2s_send_dialback(s2s, &(struct dialback){.name = "verify",
							  .from = str(check->local),
							  .to = str(check->remote),
							  .id = str(check->id),
							  .key = str(check->key)});
	}
}

bool
s2s_out_may_ask(const struct s2s *s2s)
{
	return s2s->is_out && !s2s->is_closing &&
	       (s2s->state == S2S_WANTS_SASL || s2s->state == S2S_WANTS_RESULT ||
		s2s->state == S2S_IS_READY);
}

/* RFC 7673; the dial's own live no longer than it does. */
static void
keep_pins(struct s2s *s2s, const struct dial_facts *facts)
{
	if (facts->pin_count == 0)
		return;
	s2s->pin_arena = arena_new();
	s2s->pin_base = arena_dup(s2s->pin_arena, str(facts->target)).p;
	s2s->pins = arena_array(s2s->pin_arena, struct tls_pin, facts->pin_count);
	s2s->pin_count = facts->pin_count;
	for (size_t i = 0; i < facts->pin_count; i++) {
		s2s->pins[i] = facts->pins[i];
		s2s->pins[i].data = arena_dup(s2s->pin_arena, facts->pins[i].data);
	}
}

void
s2s_out_begin(struct s2s_pair *pair, int fd, const struct dial_facts *facts)
{
	struct s2s *s2s = s2s_new(pair->fed, true);

	pair->out = s2s;
	s2s->pair = pair;
	s2s->local = str_dupz(pair->local);
	s2s_attach(s2s, conn_new(pair->fed->worker->loop, fd, s2s_handlers(), s2s));
	s2s_set_remote(s2s, pair->remote);
	s2s->is_direct = facts->is_direct;
	keep_pins(s2s, facts);
	if (s2s->is_direct) {
		s2s->state = S2S_WANTS_HANDSHAKE;
		s2s_start_tls(s2s);
	} else {
		open_header(s2s);
	}
}
