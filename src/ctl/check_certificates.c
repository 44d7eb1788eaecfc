/* SPDX-License-Identifier: MIT */
/* check_certificates.c - are the hosts' certificates there, theirs, and valid for a while? */
#include "ctl/check.h"

#include "base/time.h"
#include "io/tls.h"

#include <sys/stat.h>
#include <unistd.h>

#define TOPIC "certificate"
#define SOON_S (14u * 86400u)

static const char *
day(struct arena *arena, uint64_t seconds)
{
	return arena_dup(arena, str_first(time_format(arena, seconds * 1000000, false), 10)).p;
}

/* RFC 9525 §6.3: a wildcard stands for the whole of the first label, and for one label only. */
static bool
is_name_of(struct str name, struct str host)
{
	ptrdiff_t dot = str_find(host, '.');

	if (str_equal_nocase(name, host))
		return true;
	return str_starts(name, STR("*.")) && dot > 0 &&
	       str_equal_nocase(str_from(name, 1), str_from(host, (size_t)dot));
}

static void
check_name(struct check *c, const struct config_host *host,
	   const struct tls_certificate_facts *facts)
{
	struct str ascii = str(check_ascii_name(c->ctl->arena, host->name));

	for (size_t i = 0; i < facts->name_count; i++)
		if (is_name_of(facts->names[i], ascii) || is_name_of(facts->names[i], host->name))
			return;
	check_say(c, LEVEL_ERROR, TOPIC,
		  "%.*s: the certificate is not for this name; clients will refuse it",
		  STR_ARG(host->name));
}

static void
check_dates(struct check *c, const struct config_host *host,
	    const struct tls_certificate_facts *facts)
{
	uint64_t now = time_wall_us() / 1000000;
	struct arena *arena = c->ctl->arena;

	if (now < facts->not_before_s)
		check_say(c, LEVEL_ERROR, TOPIC, "%.*s: not valid before %s; is the clock right?",
			  STR_ARG(host->name), day(arena, facts->not_before_s));
	else if (now > facts->not_after_s)
		check_say(c, LEVEL_ERROR, TOPIC, "%.*s: expired on %s; renew it",
			  STR_ARG(host->name), day(arena, facts->not_after_s));
	else if (facts->not_after_s - now < SOON_S)
		check_say(c, LEVEL_WARNING, TOPIC, "%.*s: expires on %s; does its renewal work?",
			  STR_ARG(host->name), day(arena, facts->not_after_s));
	else
		check_say(c, LEVEL_OK, TOPIC, "%.*s: valid until %s", STR_ARG(host->name),
			  day(arena, facts->not_after_s));
}

/* As the server would load it: the key must be the certificate's. */
static void
check_pair(struct check *c, const struct config_host *host, const char *certificate,
	   const char *key)
{
	struct tls_host pair = {host->name, certificate, key};
	struct tls_options options = {.hosts = &pair, .host_count = 1};
	struct tls_context *context;
	struct stat st;
	struct str why;

	if (tls_server_new(&options, &context, c->ctl->arena, &why) < 0)
		check_say(c, LEVEL_ERROR, TOPIC, "%.*s: %.*s", STR_ARG(host->name), STR_ARG(why));
	else
		tls_unref(context);
	if (stat(key, &st) == 0 && (st.st_mode & 04) != 0)
		check_say(c, LEVEL_WARNING, TOPIC,
			  "%.*s: everybody on this machine can read the key %s; chmod o-r",
			  STR_ARG(host->name), key);
}

static void
check_host(struct check *c, const struct config_host *host)
{
	const char *certificate, *key;
	struct tls_certificate_facts facts;
	struct str why;
	bool is_own = config_host_certificate(c->config, host, c->ctl->arena, &certificate, &key) ==
		      CERTIFICATE_SELF_SIGNED;

	if (is_own)
		check_say(c, LEVEL_WARNING, TOPIC,
			  "%.*s: there is none, so the server makes one that clients warn of; put "
			  "%.*s.crt and %.*s.key into %.*s",
			  STR_ARG(host->name), STR_ARG(host->name), STR_ARG(host->name),
			  STR_ARG(c->config->certificate_directory));
	if (is_own && access(certificate, F_OK) < 0)
		return;
	if (tls_certificate_facts(c->ctl->arena, certificate, &facts, &why) < 0) {
		check_say(c, LEVEL_ERROR, TOPIC, "%.*s: %.*s", STR_ARG(host->name), STR_ARG(why));
		return;
	}
	if (!is_own && facts.is_self_signed)
		check_say(c, LEVEL_WARNING, TOPIC,
			  "%.*s: signed by itself; clients will warn their users",
			  STR_ARG(host->name));
	check_name(c, host, &facts);
	check_dates(c, host, &facts);
	check_pair(c, host, certificate, key);
}

void
check_certificates(struct check *c)
{
	for (size_t i = 0; i < c->config->host_count; i++)
		check_host(c, &c->config->hosts[i]);
}
