/* SPDX-License-Identifier: MIT */
/* c2s_auth.c - SASL on a client's stream (RFC 6120 §6, XEP-0440). */
#include "base/log.h"
#include "base/rand.h"
#include "io/certificate.h"
#include "server/account_disable.h"
#include "server/account_keys.h"
#include "server/c2s_private.h"
#include "xmpp/ns.h"
#include "xmpp/sasl_offer.h"

#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdlib.h>

#define FAILURES_MAX 5u  /* wrong passwords on one stream (RFC 6120 §6.4.5 wants at least 2) */
#define ATTEMPTS_MAX 20u /* of any kind: some clients try each mechanism in turn */

#define PLUS_BITS                                                                                  \
	(SASL_BIT(SASL_SCRAM_SHA_512_PLUS) | SASL_BIT(SASL_SCRAM_SHA_256_PLUS) |                   \
	 SASL_BIT(SASL_SCRAM_SHA_1_PLUS))

bool
c2s_is_disabled(const struct c2s *c2s, const char *mechanism)
{
	const struct text_list *disabled = &c2s->worker->config->sasl.disabled;

	for (size_t i = 0; i < disabled->count; i++)
		if (str_is(disabled->items[i], mechanism))
			return true;
	return false;
}

bool
c2s_is_throttled(const struct c2s *c2s)
{
	struct worker *worker = c2s->worker;

	return admission_login_is_throttled(worker->server->admission, &worker->config->limits,
					    c2s_peer(c2s));
}

/* The bare JIDs of the stream's host that the client's certificate names (XEP-0178). */
static size_t
certificate_ids(const struct c2s *c2s, struct arena *arena, struct str **ids)
{
	struct str *all, der = conn_peer_certificate(arena, c2s->conn);
	size_t n, kept = 0;

	if (der.p == NULL || !conn_peer_verified(c2s->conn))
		return 0;
	n = certificate_xmpp_addresses(arena, der, &all);
	*ids = all;
	for (size_t i = 0; i < n; i++) {
		struct jid jid;
		const char *why;

		if (jid_parse(arena, all[i], &jid, &why) == 0 && jid.local.len > 0 &&
		    jid_is_bare(jid) && str_is(jid.domain, c2s->host))
			all[kept++] = jid.text;
	}
	return kept;
}

static bool
can_bind_channel(const struct c2s *c2s)
{
	unsigned char bytes[64];

	return conn_is_secure(c2s->conn) && (conn_channel_exporter(c2s->conn, bytes) == 0 ||
					     conn_channel_end_point(c2s->conn, bytes) > 0);
}

static bool
is_offered(const struct c2s *c2s, enum sasl_mechanism mechanism, bool has_certificate,
	   bool has_binding)
{
	const struct config_host *host = c2s_host(c2s);

	if (host == NULL || c2s_is_disabled(c2s, sasl_mechanism_name(mechanism)))
		return false;
	switch (mechanism) {
	case SASL_SCRAM_SHA_512_PLUS:
	case SASL_SCRAM_SHA_256_PLUS:
	case SASL_SCRAM_SHA_1_PLUS:
		return has_binding;
	case SASL_PLAIN:
		return conn_is_secure(c2s->conn);
	case SASL_EXTERNAL:
		return has_certificate;
	case SASL_ANONYMOUS:
		return host->guests;
	default:
		return true;
	}
}

/* The types that are announced (XEP-0440 §2), in *OUT, or none. Returns how many. */
static size_t
announced_bindings(const struct c2s *c2s, struct str out[2])
{
	unsigned char bytes[64];
	size_t n = 0;

	/* Without a mechanism that binds they would look like an attack (§3). */
	if ((c2s->offered & PLUS_BITS) == 0)
		return 0;
	if (conn_channel_exporter(c2s->conn, bytes) == 0)
		out[n++] = STR("tls-exporter");
	if (conn_channel_end_point(c2s->conn, bytes) > 0)
		out[n++] = STR("tls-server-end-point");
	return n;
}

static void
write_bindings(const struct c2s *c2s, struct buf *out)
{
	struct str types[2];
	size_t n = announced_bindings(c2s, types);

	if (n == 0)
		return;
	buf_addz(out, "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'>");
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "<channel-binding type='%.*s'/>", STR_ARG(types[i]));
	buf_addz(out, "</sasl-channel-binding>");
}

/* XEP-0474 §5.1. Both profiles offer the same mechanisms, so that it is the same for both. */
static struct str
offer_text(const struct c2s *c2s, struct arena *arena)
{
	struct str names[SASL_MECHANISM_COUNT], types[2];
	size_t count = 0, type_count = announced_bindings(c2s, types);

	for (int m = 0; m < SASL_MECHANISM_COUNT; m++)
		if ((c2s->offered & SASL_BIT(m)) != 0)
			names[count++] = str(sasl_mechanism_name((enum sasl_mechanism)m));
	return sasl_offer_text(arena, names, count, type_count > 0 ? types : NULL, type_count);
}

void
c2s_write_mechanisms(struct c2s *c2s, struct buf *out)
{
	struct arena *arena = arena_new();
	struct str *ids;
	bool has_certificate = certificate_ids(c2s, arena, &ids) > 0;
	bool has_binding = can_bind_channel(c2s);

	arena_free(arena);
	c2s->offered = 0;
	buf_addz(out, "<mechanisms xmlns='" NS_SASL "'>");
	for (int m = 0; m < SASL_MECHANISM_COUNT; m++) {
		if (!is_offered(c2s, (enum sasl_mechanism)m, has_certificate, has_binding))
			continue;
		c2s->offered |= SASL_BIT(m);
		buf_printf(out, "<mechanism>%s</mechanism>",
			   sasl_mechanism_name((enum sasl_mechanism)m));
	}
	buf_addz(out, "</mechanisms>");
	write_bindings(c2s, out);
	c2s->stream.sasl_is_offered = c2s->offered != 0;
}

void
c2s_fail_sasl(struct c2s *c2s, enum sasl_failure failure, const char *why)
{
	struct buf *out = c2s_output(c2s);

	sasl_server_free(c2s->sasl);
	c2s->sasl = NULL;
	if (c2s->login != NULL)
		sasl2_write_failure(out, failure, NULL);
	else
		stream_sasl_failure(out, failure);
	c2s_wrote(c2s);
	login_free(c2s->login);
	c2s->login = NULL;
	if (c2s->tried_password)
		c2s_auth_failed(c2s, why);
	else
		log_event(LOG_INFO, "login-not-started", LOG_Z("host", c2s->host),
			  LOG_Z("why", why));
	c2s->tried_password = false;
	if (++c2s->attempts >= ATTEMPTS_MAX)
		c2s_close(c2s, STREAM_POLICY_VIOLATION, "too many attempts to log in");
}

void
c2s_auth_failed(struct c2s *c2s, const char *why)
{
	struct worker *worker = c2s->worker;
	struct arena *arena = arena_new();

	log_event(LOG_WARNING, "login-failed", LOG_STR("peer", c2s_peer_text(arena, c2s)),
		  LOG_Z("host", c2s->host), LOG_Z("why", why));
	arena_free(arena);
	atomic_fetch_add_explicit(&worker->counters.login_failures, 1, memory_order_relaxed);
	if (admission_login_failed(worker->server->admission, &worker->config->limits,
				   c2s_peer(c2s)) ||
	    ++c2s->failures >= FAILURES_MAX)
		c2s_close(c2s, STREAM_POLICY_VIOLATION, "too many failed logins");
}

static void take_step(struct c2s *c2s, enum sasl_step step, struct str out);

static void
remember_keys(struct login *login, const struct credentials *credentials)
{
	login->epoch = credentials->epoch;
	for (size_t i = 0; i < SCRAM_HASH_COUNT; i++)
		if (credentials->scram[i].is_set)
			login->hashes |= (uint8_t)(1u << i);
}

static void
on_credentials(struct store_request *request)
{
	struct c2s *c2s = request->owner;
	const struct store_result *result = &request->results[0];
	struct credentials credentials;
	struct str out = STR_NONE;
	bool is_known = result->status == STORE_OK &&
			credentials_parse(request->arena, result->value, &credentials) == 0;

	c2s->is_disabled = request->results[1].status == STORE_OK;
	if (c2s->login != NULL && is_known)
		remember_keys(c2s->login, &credentials);
	if (c2s_release(c2s))
		take_step(c2s,
			  sasl_server_credentials(c2s->sasl, is_known ? &credentials : NULL, &out),
			  out);
	store_request_free(request);
}

static void
look_up(struct c2s *c2s)
{
	struct store_request *request =
		store_request_new(c2s->worker->store, c2s->worker->loop, on_credentials, c2s);
	struct str user = sasl_server_username(c2s->sasl), bare;

	c2s->tried_password = true;
	c2s->credentials_ms = time_mono_ms();
	bare = arena_printf(request->arena, "%.*s@%s", STR_ARG(user), c2s->host);
	store_auth_get(request, bare);
	account_disabled_get(request, bare);
	c2s_hold(c2s);
	store_submit(request);
}

static void
check_password(void *arg)
{
	sasl_server_check(((struct c2s *)arg)->sasl);
}

static void
on_checked(void *arg)
{
	struct c2s *c2s = arg;
	struct str out = STR_NONE;

	if (c2s_release(c2s))
		take_step(c2s, sasl_server_checked(c2s->sasl, &out), out);
}

void
c2s_log_login(const struct c2s *c2s, struct str user)
{
	struct arena *arena = arena_new();

	log_event(LOG_INFO, "login", LOG_STR("user", user), LOG_Z("host", c2s->host),
		  LOG_STR("peer", c2s_peer_text(arena, c2s)),
		  LOG_STR("tls", conn_tls_version(c2s->conn)),
		  LOG_Z("by", c2s->login != NULL ? "sasl2" : "sasl"));
	arena_free(arena);
}

/* By PLAIN, into an account from elsewhere: from now on it has the keys of all hashes. */
static void
complete_keys(struct c2s *c2s, struct str user, const struct credentials *upgrade)
{
	struct arena *arena = arena_new();

	account_add_keys(c2s->worker->store, c2s->worker->loop,
			 arena_printf(arena, "%.*s@%s", STR_ARG(user), c2s->host), upgrade->epoch,
			 upgrade->scram, NULL, NULL);
	if (c2s->login != NULL)
		c2s->login->hashes = UINT8_MAX;
	arena_free(arena);
}

static void
succeed(struct c2s *c2s, struct str out)
{
	struct arena *arena = arena_new();
	struct str user = arena_dup(arena, sasl_server_username(c2s->sasl));
	bool is_guest = user.len == 0;

	if (is_guest)
		user = arena_printf(arena, "guest-%016llx", (unsigned long long)rand_u64());
	if (!sasl_server_used_password(c2s->sasl))
		c2s->proof = is_guest ? PROOF_NONE : PROOF_CERTIFICATE;
	if (sasl_server_upgrade(c2s->sasl) != NULL)
		complete_keys(c2s, user, sasl_server_upgrade(c2s->sasl));
	if (c2s->login != NULL) {
		c2s->login->knows_password = c2s->proof == PROOF_PASSWORD;
		c2s_sasl2_succeeded(c2s, user, is_guest, out);
	} else {
		stream_success(c2s_output(c2s), out);
		c2s_wrote(c2s);
		stream_restart(&c2s->stream);
		c2s_log_login(c2s, user);
		c2s_authenticated(c2s, user, is_guest);
	}
	arena_free(arena);
}

static void
take_step(struct c2s *c2s, enum sasl_step step, struct str out)
{
	const char *why;

	switch (step) {
	case SASL_CHALLENGE:
		if (c2s->login != NULL)
			sasl2_write_challenge(c2s_output(c2s), out);
		else
			stream_challenge(c2s_output(c2s), out);
		c2s_wrote(c2s);
		break;
	case SASL_LOOK_UP:
		look_up(c2s);
		break;
	case SASL_CHECK:
		c2s_hold(c2s);
		store_offload(c2s->worker->store, c2s->worker->loop, check_password, on_checked,
			      c2s);
		break;
	case SASL_SUCCESS:
		/* RFC 6120 §6.5.1: to nobody but who knows the password. */
		if (c2s->is_disabled)
			c2s_fail_sasl(c2s, SASL_ACCOUNT_DISABLED, "the account is disabled");
		else
			succeed(c2s, out);
		break;
	case SASL_FAILURE: {
		enum sasl_failure failure = sasl_server_failure(c2s->sasl, &why);

		c2s_fail_sasl(c2s, failure, why);
		break;
	}
	}
}

static void
start(struct c2s *c2s, enum sasl_mechanism mechanism, struct str data)
{
	struct server *server = c2s->worker->server;
	struct arena *arena = arena_new();
	unsigned char exporter[32], end_point[64];
	struct sasl_server_options options = {
		.mechanism = mechanism,
		.host = str(c2s->host),
		.offered = c2s->offered,
		.unknown_user_key = server->unknown_user_key,
		.fake_iterations = (uint32_t)c2s->worker->config->sasl.scram_iterations,
		.offer = offer_text(c2s, arena),
	};
	struct str out = STR_NONE;
	int len;

	c2s->is_disabled = false;

	if (conn_is_secure(c2s->conn)) {
		if (conn_channel_exporter(c2s->conn, exporter) == 0)
			options.binding.exporter = str_of(exporter, sizeof(exporter));
		if ((len = conn_channel_end_point(c2s->conn, end_point)) > 0)
			options.binding.end_point = str_of(end_point, (size_t)len);
	}
	if (mechanism == SASL_EXTERNAL)
		options.certificate_id_count =
			certificate_ids(c2s, arena, &options.certificate_ids);
	c2s->sasl = sasl_server_new(&options);
	take_step(c2s, sasl_server_step(c2s->sasl, data, &out), out);
	OPENSSL_cleanse(exporter, sizeof(exporter));
	arena_free(arena);
}

void
c2s_begin_sasl(struct c2s *c2s, struct str name, struct str data, bool data_is_bad)
{
	enum sasl_mechanism mechanism;

	if (c2s_is_throttled(c2s)) {
		c2s_fail_sasl(c2s, SASL_TEMPORARY_AUTH_FAILURE,
			      "too many failures from that address");
	} else if (sasl_mechanism_parse(name, &mechanism) < 0 ||
		   (c2s->offered & SASL_BIT(mechanism)) == 0) { /* SEC-32 */
		c2s_fail_sasl(c2s, SASL_INVALID_MECHANISM, "a mechanism that was not offered");
	} else if (data_is_bad) {
		c2s_fail_sasl(c2s, SASL_INCORRECT_ENCODING, "not base64");
	} else {
		start(c2s, mechanism, data);
	}
}

void
c2s_auth_event(struct c2s *c2s, const struct stream_event *event)
{
	struct str out = STR_NONE;

	if (event->kind == STREAM_AUTH && c2s->sasl != NULL)
		c2s_fail_sasl(c2s, SASL_MALFORMED_REQUEST, "a second <auth/>");
	else if (event->kind == STREAM_AUTH)
		c2s_begin_sasl(c2s, event->mechanism, event->data, event->data_is_bad);
	else if (c2s->sasl == NULL)
		c2s_fail_sasl(c2s, SASL_MALFORMED_REQUEST, "no exchange is under way");
	else if (event->kind == STREAM_ABORT)
		c2s_fail_sasl(c2s, SASL_ABORTED, "the client gave up");
	else if (event->data_is_bad)
		c2s_fail_sasl(c2s, SASL_INCORRECT_ENCODING, "not base64");
	else
		take_step(c2s, sasl_server_step(c2s->sasl, event->data, &out), out);
	if (event->data.len > 0 && !event->data_is_bad) /* perhaps a password */
		OPENSSL_cleanse((char *)(uintptr_t)event->data.p, event->data.len);
}
