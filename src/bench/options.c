/* SPDX-License-Identifier: MIT */
/* options.c - the command line of recado-bench. */
#include "bench/options.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"Usage: recado-bench [OPTION]... MODE\n"
	"Measures an XMPP server. MODE is one of\n"
	"  idle      memory per session that is online and silent\n"
	"  login     processor time per login: handshake, SASL, bind, roster, presence, close\n"
	"  chat      pairs with WINDOW messages outstanding each, all checked\n"
	"  iq        pings to the server, or with --disco service discovery\n"
	"  presence  broadcasts in groups of CONTACTS + 1 who are each other's contacts\n"
	"  mobile    pairs with two devices each: acknowledgments (XEP-0198), carbons (XEP-0280);\n"
	"            WINDOW messages not acknowledged, all copies checked\n"
	"  archive   pages of 50 of each session's own archive (XEP-0313), newest first\n"
	"  resume    sessions that outlive their server: when all are online it says `ready` and\n"
	"            waits for a line on standard input; then all resume (XEP-0198)\n"
	"  room      one room with all sessions in it; WINDOW messages outstanding (XEP-0045)\n"
	"  storm     all sessions enter a room, change nicks and leave as fast as they can, to\n"
	"            be run beside something else\n"
	"  check     a short chat and pings, to see that all works\n"
	"\n"
	"The server:\n"
	"  --address=IP       where it listens (127.0.0.1)\n"
	"  --port=N           (5223; without direct TLS 5222)\n"
	"  --host=NAME        the XMPP domain (localhost)\n"
	"  --service=NAME     in mode room: of the domain below it that has rooms (rooms)\n"
	"  --direct-tls, --starttls, --plain   how to connect; certificates are not checked\n"
	"  --relay            it is recado-relay: no XMPP, chat and login only\n"
	"  --user=PATTERN     account names (user%d)\n"
	"  --first-user=N     number of the first account (0)\n"
	"  --password=TEXT    of all accounts (secret)\n"
	"  --auth=HOW         scram-sha-256, scram-sha-1, plain, or legacy for jabber:iq:auth\n"
	"  --pid=N, --pidfile=PATH   its process; descendants count too; may be repeated\n"
	"\n"
	"The load:\n"
	"  --sessions=N       (200)\n"
	"  --threads=N        of this program (1)\n"
	"  --logins=N         under way at once, per thread (16)\n"
	"  --window=N         messages or requests outstanding per session (1)\n"
	"  --rate=N           in mode room: messages a second, whatever has come of those before\n"
	"  --contacts=N       in mode presence (20)\n"
	"  --body=N           bytes in a message's body (100)\n"
	"  --to-bare          address messages to bare JIDs\n"
	"  --gather           several stanzas may share a TLS record; else each has its own\n"
	"  --disco            disco#info instead of ping\n"
	"  --count=N          messages, requests or broadcasts per session; logins in all (1000)\n"
	"  --seconds=N        measure at most that long (20)\n"
	"  --timeout=N        give up after N seconds in all (300)\n"
	"  --settle=N         in mode idle: milliseconds before memory is read (3000)\n"
	"  --acks, --carbons  stream management, carbons in every session, whatever the mode\n"
	"  --flush-directory=PATH   in mode mobile: measure the disk's flushes there, before and\n"
	"                     after\n"
	"  --linger=N         in mode idle: stay N seconds longer (0)\n"
	"  --json             one JSON object instead of text\n"
	"  --help, --version\n";

enum {
	O_ADDRESS = 256,
	O_PORT,
	O_HOST,
	O_SERVICE,
	O_DIRECT,
	O_STARTTLS,
	O_PLAIN,
	O_RELAY,
	O_USER,
	O_FIRST,
	O_PASSWORD,
	O_AUTH,
	O_PID,
	O_PIDFILE,
	O_SESSIONS,
	O_THREADS,
	O_LOGINS,
	O_WINDOW,
	O_RATE,
	O_CONTACTS,
	O_BODY,
	O_BARE,
	O_GATHER,
	O_DISCO,
	O_COUNT,
	O_SECONDS,
	O_TIMEOUT,
	O_SETTLE,
	O_LINGER,
	O_ACKS,
	O_CARBONS,
	O_FLUSH,
	O_JSON,
	O_HELP,
	O_VERSION,
};

static const struct option names[] = {
	{"address", required_argument, NULL, O_ADDRESS},
	{"port", required_argument, NULL, O_PORT},
	{"host", required_argument, NULL, O_HOST},
	{"service", required_argument, NULL, O_SERVICE},
	{"direct-tls", no_argument, NULL, O_DIRECT},
	{"starttls", no_argument, NULL, O_STARTTLS},
	{"plain", no_argument, NULL, O_PLAIN},
	{"relay", no_argument, NULL, O_RELAY},
	{"user", required_argument, NULL, O_USER},
	{"first-user", required_argument, NULL, O_FIRST},
	{"password", required_argument, NULL, O_PASSWORD},
	{"auth", required_argument, NULL, O_AUTH},
	{"pid", required_argument, NULL, O_PID},
	{"pidfile", required_argument, NULL, O_PIDFILE},
	{"sessions", required_argument, NULL, O_SESSIONS},
	{"threads", required_argument, NULL, O_THREADS},
	{"logins", required_argument, NULL, O_LOGINS},
	{"window", required_argument, NULL, O_WINDOW},
	{"rate", required_argument, NULL, O_RATE},
	{"contacts", required_argument, NULL, O_CONTACTS},
	{"body", required_argument, NULL, O_BODY},
	{"to-bare", no_argument, NULL, O_BARE},
	{"gather", no_argument, NULL, O_GATHER},
	{"disco", no_argument, NULL, O_DISCO},
	{"count", required_argument, NULL, O_COUNT},
	{"seconds", required_argument, NULL, O_SECONDS},
	{"timeout", required_argument, NULL, O_TIMEOUT},
	{"settle", required_argument, NULL, O_SETTLE},
	{"linger", required_argument, NULL, O_LINGER},
	{"acks", no_argument, NULL, O_ACKS},
	{"carbons", no_argument, NULL, O_CARBONS},
	{"flush-directory", required_argument, NULL, O_FLUSH},
	{"json", no_argument, NULL, O_JSON},
	{"help", no_argument, NULL, O_HELP},
	{"version", no_argument, NULL, O_VERSION},
	{0},
};

/* VALUE as a number from MIN to MAX. Returns 0 or -1 after a message. */
static int
number(const char *value, unsigned min, unsigned max, unsigned *out)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);

	if (value[0] < '0' || value[0] > '9' || *end != 0 || n < min || n > max) {
		fprintf(stderr, "recado-bench: %s is not a number from %u to %u\n", value, min,
			max);
		return -1;
	}
	*out = (unsigned)n;
	return 0;
}

static int
auth(const char *value, enum bench_auth *out)
{
	static const char *const known[] = {
		[BENCH_SCRAM_SHA_1] = "scram-sha-1",
		[BENCH_SCRAM_SHA_256] = "scram-sha-256",
		[BENCH_SASL_PLAIN] = "plain",
		[BENCH_LEGACY] = "legacy",
	};

	for (unsigned i = 0; i < COUNT(known); i++)
		if (strcmp(value, known[i]) == 0) {
			*out = (enum bench_auth)i;
			return 0;
		}
	fprintf(stderr, "recado-bench: --auth=%s is not known\n", value);
	return -1;
}

static int
peer_option(struct options *options, int name, const char *value)
{
	unsigned pid = 0;
	int rc;

	if (name == O_PIDFILE)
		rc = peer_add_pidfile(&options->peer, value);
	else
		rc = number(value, 1, INT32_MAX, &pid) < 0 ? -1 : peer_add_pid(&options->peer, pid);
	if (rc < 0)
		fprintf(stderr, "recado-bench: no process to measure: %s\n", value);
	return rc;
}

static int
load_option(struct options *options, int name, const char *value)
{
	unsigned count;
	int rc;

	switch (name) {
	case O_FIRST:
		return number(value, 0, 100000000, &options->first_user);
	case O_SESSIONS:
		return number(value, 1, 1000000, &options->sessions);
	case O_THREADS:
		return number(value, 1, 64, &options->threads);
	case O_LOGINS:
		return number(value, 1, 10000, &options->logins);
	case O_WINDOW:
		return number(value, 1, 10000, &options->window);
	case O_RATE:
		return number(value, 1, 100000, &options->rate);
	case O_CONTACTS:
		return number(value, 1, 10000, &options->contacts);
	case O_BODY:
		return number(value, 1, 100000, &options->body);
	case O_COUNT:
		rc = number(value, 1, 1000000000, &count);
		options->count = count;
		return rc;
	case O_SECONDS:
		return number(value, 1, 3600, &options->seconds);
	case O_TIMEOUT:
		return number(value, 1, 7200, &options->timeout_s);
	case O_SETTLE:
		return number(value, 1, 600000, &options->settle_ms);
	case O_LINGER:
		return number(value, 0, 7200, &options->linger_s);
	default:
		fprintf(stderr, "Try recado-bench --help.\n");
		return -1;
	}
}

static int
take_option(struct options *options, int name, const char *value)
{
	switch (name) {
	case O_ADDRESS:
		options->address = value;
		break;
	case O_PORT:
		options->port = value;
		break;
	case O_HOST:
		options->host = value;
		break;
	case O_SERVICE:
		options->service = value;
		break;
	case O_DIRECT:
		options->tls = BENCH_DIRECT_TLS;
		break;
	case O_STARTTLS:
		options->tls = BENCH_STARTTLS;
		break;
	case O_PLAIN:
		options->tls = BENCH_PLAIN;
		break;
	case O_RELAY:
		options->is_relay = true;
		break;
	case O_USER:
		options->user_pattern = value;
		break;
	case O_PASSWORD:
		options->password = value;
		break;
	case O_AUTH:
		return auth(value, &options->auth);
	case O_PID:
	case O_PIDFILE:
		return peer_option(options, name, value);
	case O_ACKS:
		options->with_acks = true;
		break;
	case O_CARBONS:
		options->with_carbons = true;
		break;
	case O_FLUSH:
		options->flush_directory = value;
		break;
	case O_BARE:
		options->to_bare = true;
		break;
	case O_GATHER:
		options->is_gathering = true;
		break;
	case O_DISCO:
		options->is_disco = true;
		break;
	case O_JSON:
		options->is_json = true;
		break;
	default:
		return load_option(options, name, value);
	}
	return 0;
}

static const struct options defaults = {
	.address = "127.0.0.1",
	.host = "localhost",
	.service = "rooms",
	.user_pattern = "user%d",
	.password = "secret",
	.tls = BENCH_DIRECT_TLS,
	.auth = BENCH_SCRAM_SHA_256,
	.sessions = 200,
	.threads = 1,
	.logins = 16,
	.window = 1,
	.contacts = 20,
	.body = 100,
	.count = 1000,
	.seconds = 20,
	.timeout_s = 300,
	.settle_ms = 3000,
};

int
options_parse(struct options *options, int argc, char **argv)
{
	int name;

	*options = defaults;
	while ((name = getopt_long(argc, argv, "h", names, NULL)) != -1) {
		if (name == O_HELP || name == 'h') {
			fputs(help, stdout);
			return 1;
		}
		if (name == O_VERSION) {
			puts("recado-bench " RECADO_VERSION);
			return 1;
		}
		if (take_option(options, name, optarg) < 0)
			return -1;
	}
	if (optind + 1 != argc) {
		fprintf(stderr, "recado-bench: one MODE is needed; try --help\n");
		return -1;
	}
	options->mode = argv[optind];
	if (options->port == NULL)
		options->port = options->tls == BENCH_DIRECT_TLS ? "5223" : "5222";
	if (strcmp(options->mode, "mobile") == 0) {
		options->contacts = 3; /* two accounts with two devices each */
		options->with_acks = options->with_carbons = true;
	} else if (strcmp(options->mode, "presence") != 0) {
		options->contacts = 1; /* pairs */
	}
	options->with_acks |= strcmp(options->mode, "resume") == 0;
	return 0;
}
