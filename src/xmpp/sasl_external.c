/* SPDX-License-Identifier: MIT */
/*
 * sasl_external.c - EXTERNAL by client certificate (RFC 4422 appendix A, XEP-0178 §2), the server's
 * side. The connection has verified the certificate; here it only matters whom it names.
 */
#include "xmpp/sasl_server.h"

#include "xmpp/jid.h"

/* The next account of this host that the certificate names, from *AT on. */
static bool
next_account(struct sasl_server *server, size_t *at, struct jid *out)
{
	const struct sasl_server_options *options = &server->options;
	const char *why = NULL;

	while (*at < options->certificate_id_count) {
		struct str id = options->certificate_ids[(*at)++];

		if (jid_parse(server->arena, id, out, &why) == 0 && jid_is_bare(*out) &&
		    out->local.len > 0 && str_equal(out->domain, options->host))
			return true;
	}
	return false;
}

/* Without an authzid the certificate must leave no choice (XEP-0178 §2, step 11). */
static enum sasl_step
take_only_account(struct sasl_server *server)
{
	struct jid first, other;
	size_t at = 0;

	if (!next_account(server, &at, &first))
		return sasl_server_fail(server, SASL_NOT_AUTHORIZED,
					"certificate names no account of this host");
	while (next_account(server, &at, &other))
		if (!jid_equal(first, other))
			return sasl_server_fail(server, SASL_INVALID_AUTHZID,
						"certificate names several accounts");
	server->username = first.local;
	server->state = SASL_WANTS_CREDENTIALS;
	return SASL_LOOK_UP;
}

enum sasl_step
sasl_external_step(struct sasl_server *server, struct str in)
{
	struct jid wanted, jid;
	const char *why = NULL;
	size_t at = 0;

	if (in.len == 0)
		return take_only_account(server);
	if (jid_parse(server->arena, in, &wanted, &why) < 0 || !jid_is_bare(wanted))
		return sasl_server_fail(server, SASL_INVALID_AUTHZID, "authzid is not a bare JID");
	while (next_account(server, &at, &jid)) {
		if (jid_equal(jid, wanted)) {
			server->username = jid.local;
			server->state = SASL_WANTS_CREDENTIALS;
			return SASL_LOOK_UP;
		}
	}
	return sasl_server_fail(server, SASL_INVALID_AUTHZID, "authzid is not in the certificate");
}
