/* SPDX-License-Identifier: MIT */
/*
 * dial.c - finding the targets of a domain, and connecting to one of them.
 *
 * Both kinds of SRV records are mixed by their priorities (XEP-0368 §3). Every target's addresses
 * are asked for at once, and where DNSSEC vouches for the way to it, what its certificate must be
 * (RFC 7673). Attempts follow each other after a moment, and the first that succeeds ends the
 * others.
 */
#include "io/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define ATTEMPT_DELAY_MS 250u   /* RFC 8305 §5 */
#define RESOLUTION_DELAY_MS 50u /* §3: for the better family, or the better target */
#define SRV_MAX (2 * DNS_RECORDS_MAX)

struct lookup { /* of one target's addresses in one family, or of its pins */
	struct dns_query *query;
	struct dial *dial;
	size_t target;
	enum dns_type type;
};

struct pins { /* of one target */
	struct tls_pin pins[DIAL_PINS_MAX];
	size_t count;
	bool is_unknown;  /* they could not be looked up, or not be trusted: no way there */
	bool is_insecure; /* nobody vouches for its address: as if there were none */
};

struct attempt {
	struct watch watch; /* fd -1: not under way */
	struct dial *dial;
	size_t target;
	union dial_address address;
	bool is_tried;
};

struct dial {
	struct loop *loop;
	struct dns *dns;
	struct dial_options options;
	char *domain;
	const struct dial_handlers *handlers;
	void *owner;
	struct dns_query *srv[2];
	struct dial_target found[SRV_MAX]; /* then the best DIAL_TARGETS_MAX of them, in order */
	size_t found_count;
	bool has_refused, has_failed, is_insecure, is_missing;
	const char *dns_why;
	struct lookup lookups[3 * DIAL_TARGETS_MAX];
	struct pins pins[DIAL_TARGETS_MAX];
	struct arena *pin_arena; /* or NULL */
	size_t lookups_left;
	struct attempt attempts[DIAL_ADDRESSES_MAX];
	size_t attempt_count;
	unsigned private_count;
	int family; /* of the last attempt */
	bool is_impatient;
	bool is_over; /* the owner has a socket, or nothing more will come */
	struct timer timer;
};

static void
fail(struct dial *dial, enum dial_failure failure, const char *why)
{
	timer_cancel(dial->loop, &dial->timer);
	dial->is_over = true;
	dial->handlers->failed(dial, failure, why);
}

static void
stop_attempt(struct attempt *attempt)
{
	if (attempt->watch.fd < 0)
		return;
	loop_watch(attempt->dial->loop, &attempt->watch, 0);
	close(attempt->watch.fd);
	attempt->watch.fd = -1;
}

static bool
has_tried(const struct dial *dial)
{
	for (size_t i = 0; i < dial->attempt_count; i++)
		if (dial->attempts[i].is_tried)
			return true;
	return false;
}

/* All that was tried failed, and nothing more can come. */
static void
give_up(struct dial *dial)
{
	if (has_tried(dial))
		fail(dial, DIAL_UNREACHABLE, "nobody answers at the domain's addresses");
	else if (dial->private_count > 0)
		fail(dial, DIAL_FORBIDDEN, "the domain's addresses are private ones");
	else if (dial->has_failed)
		fail(dial, DIAL_DNS_FAILED, dial->dns_why);
	else
		fail(dial, DIAL_NO_NAME,
		     dial->is_missing ? "no such domain" : "the domain has no address");
}

static bool
is_pending(const struct dial *dial, size_t target)
{
	for (size_t i = 0; i < COUNT(dial->lookups); i++)
		if (dial->lookups[i].query != NULL && dial->lookups[i].target == target)
			return true;
	return false;
}

/* Nothing may be tried before it is known what its certificate must be. */
static bool
is_barred(const struct dial *dial, size_t target)
{
	const struct pins *pins = &dial->pins[target];

	return !pins->is_insecure &&
	       (pins->is_unknown || dial->lookups[3 * target + 2].query != NULL);
}

/* Of TARGET's: rather of the other family than the last one, and of IPv6 first. */
static struct attempt *
untried(struct dial *dial, size_t target)
{
	struct attempt *other = NULL;
	int wanted = dial->family == AF_INET6 ? AF_INET : AF_INET6;

	for (size_t i = 0; i < dial->attempt_count; i++) {
		struct attempt *attempt = &dial->attempts[i];

		if (attempt->is_tried || attempt->target != target)
			continue;
		if (attempt->address.any.sa_family == wanted)
			return attempt;
		if (other == NULL)
			other = attempt;
	}
	return other;
}

/* *MORE: there is, or may come, something to try later. */
static struct attempt *
pick(struct dial *dial, bool *more)
{
	*more = dial->lookups_left > 0;
	for (size_t target = 0; target < dial->found_count; target++) {
		bool waits = is_pending(dial, target);
		struct attempt *attempt = is_barred(dial, target) || (waits && !dial->is_impatient)
						  ? NULL
						  : untried(dial, target);

		if (attempt != NULL)
			return attempt;
		if (waits && !dial->is_impatient)
			return NULL;
	}
	return NULL;
}

static void go_on(struct dial *dial);

static bool
is_own_end(int fd)
{
	union dial_address own = {0}, peer = {0};
	socklen_t own_len = sizeof(own), peer_len = sizeof(peer);

	return getsockname(fd, &own.any, &own_len) == 0 &&
	       getpeername(fd, &peer.any, &peer_len) == 0 && own_len == peer_len &&
	       memcmp(&own, &peer, own_len) == 0;
}

static void
succeed(struct attempt *attempt)
{
	struct dial *dial = attempt->dial;
	const struct dial_target *target = &dial->found[attempt->target];
	const struct pins *pins = &dial->pins[attempt->target];
	struct dial_facts facts = {
		.address = attempt->address,
		.target = target->name,
		.is_direct = target->is_direct,
		.is_secure = !dial->is_insecure && !pins->is_insecure,
		.pins = pins->pins,
		.pin_count = pins->is_insecure ? 0 : pins->count,
	};
	int fd = attempt->watch.fd;

	loop_watch(dial->loop, &attempt->watch, 0);
	attempt->watch.fd = -1;
	for (size_t i = 0; i < dial->attempt_count; i++) {
		if (dial->attempts[i].watch.fd < 0)
			continue;
		stop_attempt(&dial->attempts[i]);
		dial->attempts[i].is_tried = false; /* slower, perhaps good */
	}
	timer_cancel(dial->loop, &dial->timer);
	dial->is_over = true;
	dial->handlers->connected(dial, fd, &facts);
}

static void
ready(struct watch *watch, uint32_t events UNUSED)
{
	struct attempt *attempt = CONTAINER(watch, struct attempt, watch);
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(watch->fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0 &&
	    !is_own_end(watch->fd)) {
		succeed(attempt);
	} else {
		stop_attempt(attempt);
		go_on(attempt->dial);
	}
}

/* False: failed at once. */
static bool
start(struct attempt *attempt)
{
	const union dial_address *address = &attempt->address;
	int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t len =
		address->any.sa_family == AF_INET ? sizeof(address->v4) : sizeof(address->v6);

	attempt->is_tried = true;
	attempt->dial->family = address->any.sa_family;
	if (fd < 0)
		return false;
	if (connect(fd, &address->any, len) < 0 && errno != EINPROGRESS) {
		close(fd);
		return false;
	}
	attempt->watch.fd = fd;
	attempt->watch.ready = ready;
	loop_watch(attempt->dial->loop, &attempt->watch, EPOLLOUT);
	return true;
}

static bool
is_trying(const struct dial *dial)
{
	for (size_t i = 0; i < dial->attempt_count; i++)
		if (dial->attempts[i].watch.fd >= 0)
			return true;
	return false;
}

/* Starts the next attempt there is, and sees to it that more follows. */
static void
go_on(struct dial *dial)
{
	struct attempt *attempt;
	bool more;

	if (dial->is_over)
		return;
	while ((attempt = pick(dial, &more)) != NULL && !start(attempt))
		;
	if (attempt != NULL)
		timer_set(dial->loop, &dial->timer, loop_now_ms(dial->loop) + ATTEMPT_DELAY_MS);
	else if (!more && !is_trying(dial))
		give_up(dial);
}

static void
on_timer(struct timer *timer)
{
	struct dial *dial = CONTAINER(timer, struct dial, timer);

	dial->is_impatient = true;
	if (dial->lookups_left == 0 && dial->attempt_count == 0)
		give_up(dial);
	else
		go_on(dial);
}

static void
add_address(struct dial *dial, size_t target, const union dial_address *address,
	    bool may_be_private)
{
	struct attempt *attempt = &dial->attempts[dial->attempt_count];

	if (!may_be_private && dial_is_private(address)) {
		dial->private_count++;
		return;
	}
	if (dial->attempt_count == DIAL_ADDRESSES_MAX)
		return;
	*attempt = (struct attempt){.dial = dial, .target = target, .address = *address};
	attempt->watch.fd = -1;
	dial->attempt_count++;
}

static void
add_record(struct dial *dial, const struct lookup *lookup, const struct dns_record *record)
{
	uint16_t port = htons(dial->found[lookup->target].port);
	union dial_address address = {0};

	if (lookup->type == DNS_A)
		address.v4 = (struct sockaddr_in){
			.sin_family = AF_INET, .sin_port = port, .sin_addr = record->v4};
	else
		address.v6 = (struct sockaddr_in6){
			.sin6_family = AF_INET6, .sin6_port = port, .sin6_addr = record->v6};
	add_address(dial, lookup->target, &address, dial->options.private_addresses);
}

static void
after_lookup(struct dial *dial, size_t target, bool has_found)
{
	if (dial->is_over)
		return;
	if (!is_trying(dial) && !is_pending(dial, target))
		go_on(dial);
	else if (!is_trying(dial) && has_found)
		timer_set(dial->loop, &dial->timer, loop_now_ms(dial->loop) + RESOLUTION_DELAY_MS);
}

static void
on_addresses(void *arg, const struct dns_result *result)
{
	struct lookup *lookup = arg;
	struct dial *dial = lookup->dial;

	lookup->query = NULL;
	dial->lookups_left--;
	if (result->status == DNS_FAILED) {
		dial->has_failed = true;
		dial->dns_why = "cannot look up the addresses of the domain's server";
	}
	dial->is_missing = result->status == DNS_NO_NAME;
	if (result->status == DNS_OK && !result->is_secure)
		dial->pins[lookup->target].is_insecure = true;
	/* No more of one target than half of all there may be. */
	for (size_t i = 0; i < MIN(result->count, DIAL_ADDRESSES_MAX / 2); i++)
		add_record(dial, lookup, &result->records[i]);
	after_lookup(dial, lookup->target, result->count > 0);
}

/* §3.3: records that can't be trusted bar the target; without any it is as it always was. */
static void
on_pins(void *arg, const struct dns_result *result)
{
	struct lookup *lookup = arg;
	struct dial *dial = lookup->dial;
	struct pins *pins = &dial->pins[lookup->target];

	lookup->query = NULL;
	dial->lookups_left--;
	if (result->status == DNS_FAILED) {
		pins->is_unknown = true;
		dial->has_failed = true;
		dial->dns_why =
			"cannot look up what the certificate of the domain's server must be";
	}
	for (size_t i = 0; result->is_secure && i < MIN(result->count, DIAL_PINS_MAX); i++) {
		struct tls_pin *pin = &pins->pins[pins->count++];

		if (dial->pin_arena == NULL)
			dial->pin_arena = arena_new();
		*pin = result->records[i].pin;
		pin->data = arena_dup(dial->pin_arena, pin->data);
	}
	after_lookup(dial, lookup->target, false);
}

static void
look_up(struct dial *dial, size_t target, size_t place, const char *name, enum dns_type type)
{
	struct lookup *lookup = &dial->lookups[3 * target + place];

	*lookup = (struct lookup){.dial = dial, .target = target, .type = type};
	lookup->query =
		dns_ask(dial->dns, name, type, type == DNS_TLSA ? on_pins : on_addresses, lookup);
	dial->lookups_left++;
}

static void
look_up_targets(struct dial *dial)
{
	for (size_t i = 0; i < dial->found_count; i++) {
		const struct dial_target *target = &dial->found[i];
		char name[DNS_NAME_MAX + 16];

		look_up(dial, i, 0, target->name, DNS_AAAA);
		look_up(dial, i, 1, target->name, DNS_A);
		if (dial->is_insecure || strlen(target->name) + 12 > DNS_NAME_MAX)
			continue;
		snprintf(name, sizeof(name), "_%u._tcp.%s", target->port, target->name);
		look_up(dial, i, 2, name, DNS_TLSA);
	}
}

/* RFC 6120 §3.2.2: without records, the domain itself. */
static void
choose_targets(struct dial *dial)
{
	if (dial->has_refused && dial->found_count == 0) {
		fail(dial, DIAL_NO_SERVICE, "the domain says that it has no XMPP server");
		return;
	}
	if (dial->has_failed && dial->found_count == 0) {
		fail(dial, DIAL_DNS_FAILED, dial->dns_why);
		return;
	}
	if (dial->found_count == 0) {
		struct dial_target *target = &dial->found[dial->found_count++];

		*target = (struct dial_target){.port = dial->options.port};
		snprintf(target->name, sizeof(target->name), "%s", dial->domain);
	}
	dial_order(dial->found, dial->found_count);
	dial->found_count = MIN(dial->found_count, DIAL_TARGETS_MAX);
	look_up_targets(dial);
}

static void
take_srv(struct dial *dial, const struct dns_result *result, bool is_direct)
{
	if (result->status == DNS_FAILED) {
		dial->has_failed = true;
		dial->dns_why = "cannot look up the domain's servers";
	} else if (!result->is_secure)
		dial->is_insecure = true;
	for (size_t i = 0; i < result->count && dial->found_count < SRV_MAX; i++) {
		const struct dns_record *record = &result->records[i];
		struct dial_target *target = &dial->found[dial->found_count];

		if (record->target[0] == '\0') {
			dial->has_refused = true;
			continue;
		}
		if (record->port == 0)
			continue;
		*target = (struct dial_target){.priority = record->priority,
					       .weight = record->weight,
					       .port = record->port,
					       .is_direct = is_direct};
		memcpy(target->name, record->target, sizeof(target->name));
		dial->found_count++;
	}
	if (dial->srv[0] == NULL && dial->srv[1] == NULL)
		choose_targets(dial);
}

static void
on_srv(void *arg, const struct dns_result *result)
{
	struct dial *dial = arg;

	dial->srv[0] = NULL;
	take_srv(dial, result, false);
}

static void
on_direct_srv(void *arg, const struct dns_result *result)
{
	struct dial *dial = arg;

	dial->srv[1] = NULL;
	take_srv(dial, result, true);
}

static struct dns_query *
ask_srv(struct dial *dial, const char *service,
	void (*done)(void *arg, const struct dns_result *result))
{
	char name[2 * DNS_NAME_MAX];

	snprintf(name, sizeof(name), "%s.%s", service, dial->domain);
	return dns_ask(dial->dns, name, DNS_SRV, done, dial);
}

/* A domain that is an address, or whose address is configured. */
static bool
read_address(const char *text, uint16_t port, union dial_address *out)
{
	char bare[INET6_ADDRSTRLEN];
	size_t len = strlen(text);

	*out = (union dial_address){0};
	if (text[0] == '[' && len - 2 < sizeof(bare)) {
		memcpy(bare, text + 1, len - 2);
		bare[len - 2] = '\0';
		text = bare;
	}
	if (inet_pton(AF_INET, text, &out->v4.sin_addr) == 1) {
		out->v4.sin_family = AF_INET;
		out->v4.sin_port = htons(port);
		return true;
	}
	if (inet_pton(AF_INET6, text, &out->v6.sin6_addr) == 1) {
		out->v6.sin6_family = AF_INET6;
		out->v6.sin6_port = htons(port);
		return true;
	}
	return false;
}

struct dial *
dial_new(struct loop *loop, struct dns *dns, const struct dial_options *options,
	 const struct dial_handlers *handlers, void *owner)
{
	struct dial *dial = xnew(struct dial);
	bool is_override = options->address != NULL;
	union dial_address address;

	dial->loop = loop;
	dial->dns = dns;
	dial->options = *options;
	dial->domain = xstrdup(options->domain);
	dial->handlers = handlers;
	dial->owner = owner;
	dial->timer.run = on_timer;
	if (read_address(is_override ? options->address : options->domain, options->port,
			 &address)) {
		dial->found[0] = (struct dial_target){
			.port = options->port, .is_direct = is_override && options->is_direct};
		snprintf(dial->found[0].name, sizeof(dial->found[0].name), "%s", dial->domain);
		dial->found_count = 1;
		dial->is_insecure = true;
		add_address(dial, 0, &address, is_override || options->private_addresses);
		timer_set(loop, &dial->timer, loop_now_ms(loop));
		return dial;
	}
	dial->srv[0] = ask_srv(dial, options->service, on_srv);
	dial->srv[1] = ask_srv(dial, options->direct_service, on_direct_srv);
	return dial;
}

void
dial_next(struct dial *dial)
{
	if (!dial->is_over)
		return;
	dial->is_over = false;
	timer_set(dial->loop, &dial->timer, loop_now_ms(dial->loop));
}

void
dial_free(struct dial *dial)
{
	if (dial == NULL)
		return;
	timer_cancel(dial->loop, &dial->timer);
	for (size_t i = 0; i < COUNT(dial->srv); i++)
		dns_cancel(dial->srv[i]);
	for (size_t i = 0; i < COUNT(dial->lookups); i++)
		dns_cancel(dial->lookups[i].query);
	for (size_t i = 0; i < dial->attempt_count; i++)
		stop_attempt(&dial->attempts[i]);
	if (dial->pin_arena != NULL)
		arena_free(dial->pin_arena);
	free(dial->domain);
	free(dial);
}

void *
dial_owner(const struct dial *dial)
{
	return dial->owner;
}
