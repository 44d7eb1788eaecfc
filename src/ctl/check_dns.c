/* SPDX-License-Identifier: MIT */
/*
 * check_dns.c - the records that lead clients and other servers here: which there should be, and
 * which there are (RFC 6120 §3.2.1, XEP-0368).
 *
 * A name server that does not answer is a warning: the machine may have no way out.
 */
#include "ctl/check.h"

#include "server/module.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <resolv.h>

#define TOPIC "dns"
#define ANSWERS_MAX 32

struct answer {
	uint16_t port;
	const char *target;
};

static struct __res_state resolver;

/* The SRV records of NAME. Returns how many, or -1 when nobody could tell. */
static int
look_up_srv(struct arena *arena, const char *name, struct answer out[ANSWERS_MAX])
{
	unsigned char message[8192];
	char target[NS_MAXDNAME];
	int length = res_nquery(&resolver, name, ns_c_in, ns_t_srv, message, sizeof(message));
	int count = 0;
	ns_msg reply;
	ns_rr record;

	if (length < 0)
		return resolver.res_h_errno == HOST_NOT_FOUND || resolver.res_h_errno == NO_DATA
			       ? 0
			       : -1;
	if (ns_initparse(message, MIN(length, (int)sizeof(message)), &reply) < 0)
		return -1;
	for (int i = 0; i < ns_msg_count(reply, ns_s_an) && count < ANSWERS_MAX; i++) {
		const unsigned char *data;

		if (ns_parserr(&reply, ns_s_an, i, &record) < 0 || ns_rr_type(record) != ns_t_srv ||
		    ns_rr_rdlen(record) < 7)
			continue;
		data = ns_rr_rdata(record);
		if (dn_expand(ns_msg_base(reply), ns_msg_end(reply), data + 6, target,
			      sizeof(target)) < 0)
			continue;
		out[count].port = (uint16_t)(data[4] << 8 | data[5]);
		out[count++].target = arena_dup(arena, str(target)).p;
	}
	return count;
}

/* Whether NAME has an address: 1, 0, or -1 when nobody could tell. */
static int
has_address(const char *name)
{
	unsigned char message[8192];
	static const int types[] = {ns_t_a, ns_t_aaaa};
	int found = 0;

	for (size_t i = 0; i < COUNT(types) && found == 0; i++) {
		int length =
			res_nquery(&resolver, name, ns_c_in, types[i], message, sizeof(message));

		if (length >= 0)
			found = 1;
		else if (resolver.res_h_errno == TRY_AGAIN || resolver.res_h_errno == NO_RECOVERY)
			found = -1;
	}
	return found;
}

/* A name that only this machine or its network knows has no records, and needs none. */
static bool
is_local_name(const char *name)
{
	static const char *const tails[] = {"localhost", "local", "test",     "invalid",
					    "example",   "lan",   "internal", "home.arpa"};
	struct str text = str(name);

	for (size_t i = 0; i < COUNT(tails); i++) {
		size_t n = strlen(tails[i]);

		if (text.len >= n && str_is(str_from(text, text.len - n), tails[i]) &&
		    (text.len == n || text.p[text.len - n - 1] == '.'))
			return true;
	}
	return strchr(name, '.') == NULL;
}

static void
say_missing(struct check *c, const char *service, const char *host, unsigned port, int count)
{
	const char *record = arena_printf(c->ctl->arena, "%s.%s. 3600 IN SRV 0 5 %u %s.", service,
					  host, port, host)
				     .p;

	if (count < 0)
		check_say(c, LEVEL_WARNING, TOPIC, "could not look up %s.%s; there should be: %s",
			  service, host, record);
	else if (count > 0)
		check_say(c, LEVEL_WARNING, TOPIC,
			  "the records of %s.%s lead to other ports; there should be: %s", service,
			  host, record);
	else
		check_say(c, LEVEL_WARNING, TOPIC, "publish: %s", record);
}

/* NULL: nobody looks for it in the DNS. */
static const char *
service_of(const struct config_listener *listener)
{
	switch (listener->type) {
	case LISTENER_C2S:
		return "_xmpp-client._tcp";
	case LISTENER_C2S_TLS:
		return "_xmpps-client._tcp";
	case LISTENER_S2S:
		return "_xmpp-server._tcp";
	case LISTENER_S2S_TLS:
		return "_xmpps-server._tcp";
	default:
		return NULL;
	}
}

static void
check_service(struct check *c, const char *host, const struct config_listener *listener)
{
	const char *service = service_of(listener);
	struct answer answers[ANSWERS_MAX];
	struct str name;
	int count;

	if (service == NULL)
		return;
	name = arena_printf(c->ctl->arena, "%s.%s", service, host);
	count = look_up_srv(c->ctl->arena, name.p, answers);
	for (int i = 0; i < count; i++)
		if (answers[i].port == listener->port) {
			check_say(c, LEVEL_OK, TOPIC, "%s leads to %s, port %u", name.p,
				  answers[i].target, (unsigned)answers[i].port);
			if (has_address(answers[i].target) == 0)
				check_say(c, LEVEL_ERROR, TOPIC,
					  "%s has no address; publish an A or AAAA record",
					  answers[i].target);
			return;
		}
	say_missing(c, service, host, (unsigned)listener->port, count);
}

static void
check_host_address(struct check *c, const char *host)
{
	switch (has_address(host)) {
	case 1:
		check_say(c, LEVEL_OK, TOPIC, "%s has an address", host);
		break;
	case 0:
		check_say(c, LEVEL_WARNING, TOPIC,
			  "%s has no address; publish an A or AAAA record for it, or for what the "
			  "SRV "
			  "records name",
			  host);
		break;
	default:
		check_say(c, LEVEL_WARNING, TOPIC,
			  "could not look up %s; there should be an A or AAAA record", host);
	}
}

/* Other servers would be sent to a port where nobody listens for them. */
static void
check_no_federation(struct check *c, const char *host)
{
	static const char *const services[] = {"_xmpp-server._tcp", "_xmpps-server._tcp"};
	struct answer answers[ANSWERS_MAX];

	for (size_t i = 0; i < COUNT(services); i++) {
		struct str name = arena_printf(c->ctl->arena, "%s.%s", services[i], host);

		if (look_up_srv(c->ctl->arena, name.p, answers) > 0)
			check_say(c, LEVEL_WARNING, TOPIC,
				  "%s leads to %s, port %u; no listener here is for other servers",
				  name.p, answers[0].target, (unsigned)answers[0].port);
	}
}

/* Others reach it only by its own name, such as that of the rooms. */
static void
check_subdomain(struct check *c, const char *domain)
{
	static const char *const services[] = {"_xmpp-server._tcp", "_xmpps-server._tcp"};
	struct answer answers[ANSWERS_MAX];
	int found = has_address(domain);

	for (size_t i = 0; i < COUNT(services) && found == 0; i++)
		found = look_up_srv(c->ctl->arena,
				    arena_printf(c->ctl->arena, "%s.%s", services[i], domain).p,
				    answers);
	if (found > 0)
		check_say(c, LEVEL_OK, TOPIC, "other servers find %s", domain);
	else
		check_say(c, LEVEL_WARNING, TOPIC,
			  found == 0 ? "other servers do not find %s; publish an A or AAAA record"
				     : "could not look up %s; there should be an A or AAAA record",
			  domain);
}

static void
check_services(struct check *c, const struct config_host *host)
{
	for (size_t i = 0; i < module_count(); i++) {
		const struct config_service *service = config_host_service(c->config, host, i);

		if (service != NULL)
			check_subdomain(c, check_ascii_name(c->ctl->arena, service->name));
	}
}

/* "192.0.2.1" or "192.0.2.1:5353" */
static int
use_nameserver(struct arena *arena, const char *text)
{
	struct sockaddr_in *server = &resolver.nsaddr_list[0];
	struct str port = str(text), address;
	uint64_t number = NS_DEFAULTPORT;

	if (!str_split(&port, ':', &address) ||
	    inet_pton(AF_INET, arena_dup(arena, address).p, &server->sin_addr) != 1 ||
	    (port.p != NULL && str_to_u64(port, 65535, &number) < 0))
		return -1;
	server->sin_family = AF_INET;
	server->sin_port = htons((uint16_t)number);
	resolver.nscount = 1;
	return 0;
}

static int
open_resolver(struct check *c)
{
	const char *nameserver = ctl_flag(c->ctl, "nameserver");

	if (res_ninit(&resolver) < 0) {
		check_say(c, LEVEL_WARNING, TOPIC, "there is no name server to ask");
		return -1;
	}
	resolver.retrans = 2; /* seconds */
	resolver.retry = 1;
	if (nameserver != NULL && use_nameserver(c->ctl->arena, nameserver) < 0) {
		check_say(c, LEVEL_ERROR, TOPIC, "%s is no address of a name server", nameserver);
		res_nclose(&resolver);
		return -1;
	}
	return 0;
}

void
check_dns(struct check *c)
{
	if (open_resolver(c) < 0)
		return;
	for (size_t i = 0; i < c->config->host_count; i++) {
		const char *host = check_ascii_name(c->ctl->arena, c->config->hosts[i].name);

		if (is_local_name(host)) {
			check_say(c, LEVEL_OK, TOPIC, "%s is a local name, which needs no records",
				  host);
			continue;
		}
		check_host_address(c, host);
		for (size_t k = 0; k < c->config->listener_count; k++)
			check_service(c, host, &c->config->listeners[k]);
		if (config_federates(c->config))
			check_services(c, &c->config->hosts[i]);
		else
			check_no_federation(c, host);
	}
	res_nclose(&resolver);
}
