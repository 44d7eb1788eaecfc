/* SPDX-License-Identifier: MIT */
/*
 * test_config.c - the configuration file: what it says is taken, and each fault is told (R15).
 */
#include "test.h"

#include "server/config.h"
#include "server/config_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct option ping_options[] = {
	{"interval", OPTION_DURATION, "5m", "time without a sign of life"},
	{"timeout", OPTION_DURATION, "30s", "time to answer", .min = 1000, .max = 60000},
	{"loud", OPTION_BOOL, "false", "whether it is logged"},
	{"tries", OPTION_INT, "3", "how often", .min = 1},
	{"size", OPTION_SIZE, "1KiB", "of a ping"},
	{"mode", OPTION_TEXT, "iq", "how", .choices = "iq space"},
	{"names", OPTION_LIST, "a b", "of those who are asked"},
	{0},
};
static const struct config_module modules[] = {
	{"ping", ping_options},
	{"version", NULL},
	{"register", NULL, .is_off_by_default = true},
};

static struct config *
parse(struct test *t, const char *text, struct str *errors)
{
	struct config *config = NULL;
	int rc = config_parse(str(text), "/etc/r/recado.conf", modules, COUNT(modules), &config,
			      t->arena, errors);

	return rc < 0 ? NULL : config;
}

/* A file that must be good. */
static struct config *
take(struct test *t, const char *text)
{
	struct str errors = STR("");
	struct config *config = parse(t, text, &errors);

	check_str(t, errors, "");
	if (config == NULL)
		abort();
	return config;
}

TEST(config_smallest_form_has_all_defaults)
{
	struct config *c = take(t, "host = \"Example.COM\";");

	check_int(t, (intmax_t)c->host_count, 1);
	check_str(t, c->hosts[0].name, "example.com");
	check(t, !c->hosts[0].registration && !c->hosts[0].guests && !c->hosts[0].legacy_digest);
	check_int(t, (intmax_t)c->listener_count, 4);
	check_int(t, c->listeners[0].type, LISTENER_C2S);
	check_int(t, (intmax_t)c->listeners[0].port, 5222);
	check(t, c->listeners[0].require_tls);
	check_int(t, c->listeners[0].allow_plaintext_passwords, PLAINTEXT_LOOPBACK);
	check_str(t, c->listeners[0].address, "*");
	check_int(t, c->listeners[1].type, LISTENER_C2S_TLS);
	check_int(t, (intmax_t)c->listeners[1].port, 5223);
	check_int(t, c->listeners[2].type, LISTENER_S2S);
	check_int(t, (intmax_t)c->listeners[2].port, 5269);
	check_int(t, c->listeners[3].type, LISTENER_S2S_TLS);
	check_int(t, (intmax_t)c->listeners[3].port, 5270);
	check(t, c->s2s.require_certificate && config_federates(c));
	check_str(t, c->data_directory, "/var/lib/recado");
	check_str(t, c->control_socket, "/run/recado/control.sock");
	check(t, c->workers >= 1);
	check_int(t, (intmax_t)c->limits.stanza_bytes, 262144);
	check_int(t, (intmax_t)c->limits.auth_timeout, 30000);
	check_int(t, c->tls.minimum_version, CONFIG_TLS_1_2);
	check_int(t, c->sessions.conflict, CONFLICT_REPLACE_OLD);
	check_int(t, (intmax_t)c->sasl.scram_iterations, 10000);
	check(t, config_host(c, STR("example.com")) == &c->hosts[0]);
	check(t, config_host(c, STR("example.org")) == NULL);
	config_unref(c);
}

static const char full[] =
	"# a comment\n"
	"data_directory = \"data\";\n"
	"run_directory = \"/run/r\";\n"
	"workers = 3;\n"
	"log_level = \"debug\";\n"
	"registration = true;\n"
	"admins = \"Romeo@A.example\";\n"
	"contacts = { abuse = \"mailto:abuse@a.example\"; };\n"
	"modules = { ping = { timeout = \"10s\"; tries = 7; names = [\"x\", \"y\", \"z\"]; };\n"
	"            version = { enabled = false; }; };\n"
	"hosts = ( \"a.example\",\n"
	"  { name = \"b.example\"; registration = false; guests = true; legacy_digest = true;\n"
	"    certificate = \"b.crt\"; key = \"/keys/b.key\"; admins = [\"x@b.example\", "
	"\"y@b.example\"];\n"
	"    welcome = \"one\\ntwo\";\n"
	"    contacts = { support = [\"xmpp:help@b.example\", \"https://b.example/\"]; };\n"
	"    modules = { ping = { timeout = \"20s\"; }; version = { enabled = true; }; }; } );\n"
	"listeners = ( { type = \"c2s-tls\"; }, { port = 0; address = \"127.0.0.1\"; },\n"
	"  { port = 0; address = \"::1\"; require_tls = false; allow_plaintext_passwords = "
	"\"always\"; } );\n"
	"limits = { stanza_bytes = \"1MiB\"; auth_timeout = \"1m\"; offline_messages = 0; };\n"
	"tls = { minimum_version = \"1.3\"; client_certificates = true; ca_file = \"ca.pem\"; };\n"
	"sasl = { disabled = [\"PLAIN\", \"SCRAM-SHA-1\"]; scram_iterations = 4096; "
	"fast_lifetime = 0; fast_rotation = \"2h\"; clients_keep = 0; clients_details = false; };\n"
	"sessions = { conflict = \"rename\"; silent_after = 0; tcp_user_timeout = \"90s\"; };\n";

TEST(config_takes_what_the_file_says)
{
	struct config *c = take(t, full);
	const struct config_host *a = config_host(c, STR("a.example")),
				 *b = config_host(c, STR("b.example"));

	check_str(t, c->data_directory, "/etc/r/data");
	check_str(t, c->control_socket, "/run/r/control.sock");
	check_int(t, (intmax_t)c->workers, 3);
	check_str(t, c->log_level, "debug");
	check(t, a->registration && !a->guests);
	check(t, !b->registration && b->guests && b->legacy_digest);
	check(t, config_is_admin(a, STR("romeo@a.example")));
	check(t, !config_is_admin(b, STR("romeo@a.example")));
	check(t, config_is_admin(b, STR("y@b.example")));
	check_str(t, b->certificate, "/etc/r/b.crt");
	check_str(t, b->key, "/keys/b.key");
	check_str(t, b->welcome, "one\ntwo");
	check_int(t, (intmax_t)b->index, 1);
	/* A host's contacts stand beside those of all hosts. */
	check_str(t, a->contacts[CONTACT_ABUSE].items[0], "mailto:abuse@a.example");
	check_str(t, b->contacts[CONTACT_ABUSE].items[0], "mailto:abuse@a.example");
	check_int(t, (intmax_t)b->contacts[CONTACT_SUPPORT].count, 2);
	check_int(t, (intmax_t)a->contacts[CONTACT_SUPPORT].count, 0);
	config_unref(c);
}

TEST(config_takes_groups)
{
	struct config *c = take(t, full);

	check_int(t, (intmax_t)c->listener_count, 3);
	check_int(t, (intmax_t)c->listeners[0].port, 5223);
	check_str(t, c->listeners[2].address, "::1");
	check_int(t, c->listeners[2].allow_plaintext_passwords, PLAINTEXT_ALWAYS);
	check(t, !c->listeners[2].require_tls);
	check_int(t, (intmax_t)c->limits.stanza_bytes, 1 << 20);
	check_int(t, (intmax_t)c->limits.auth_timeout, 60000);
	check_int(t, (intmax_t)c->limits.offline_messages, 0);
	check_int(t, c->tls.minimum_version, CONFIG_TLS_1_3);
	check_str(t, c->tls.ca_file, "/etc/r/ca.pem");
	check_int(t, (intmax_t)c->sasl.disabled.count, 2);
	check_str(t, c->sasl.disabled.items[1], "SCRAM-SHA-1");
	check_int(t, (intmax_t)c->sasl.fast_lifetime, 0);
	check_int(t, (intmax_t)c->sasl.fast_rotation, 2 * 3600 * 1000);
	check_int(t, (intmax_t)c->sasl.clients_keep, 0);
	check_int(t, c->sasl.clients_details, false);
	check_int(t, c->sessions.conflict, CONFLICT_RENAME);
	check_int(t, (intmax_t)c->sessions.silent_after, 0);
	check_int(t, (intmax_t)c->sessions.tcp_user_timeout, 90000);
	config_unref(c);
}

TEST(config_options_of_modules)
{
	struct config *c = take(t, full);
	const struct option_values *all = config_options(c, NULL, 0),
				   *a = config_options(c, &c->hosts[0], 0),
				   *b = config_options(c, &c->hosts[1], 0);

	check_int(t, (intmax_t)option_ms(all, "timeout"), 10000);
	check_int(t, (intmax_t)option_ms(a, "timeout"), 10000);
	check_int(t, (intmax_t)option_ms(b, "timeout"), 20000);
	check_int(t, (intmax_t)option_ms(b, "interval"), 300000);
	check_int(t, (intmax_t)option_number(b, "tries"), 7);
	check_int(t, (intmax_t)option_bytes(a, "size"), 1024);
	check(t, !option_bool(a, "loud"));
	check_str(t, option_text(a, "mode"), "iq");
	check_int(t, (intmax_t)option_list(a, "names")->count, 3);
	check_str(t, option_list(a, "names")->items[2], "z");
	check(t, config_module_enabled(a));
	check(t, !config_module_enabled(config_options(c, &c->hosts[0], 1)));
	check(t, config_module_enabled(config_options(c, &c->hosts[1], 1)));
	check(t, !config_module_enabled(config_options(c, NULL, 2)));
	config_unref(c);
}

/* Each row is a file's text after `host = "a.example";`, on line 1, and all its faults. */
static const struct {
	const char *text, *errors;
} faults[] = {
	/* The top level. */
	{"workrs = 4;", "1: unknown key workrs; did you mean \"workers\"?\n"},
	{"zzzzz = 4;", "1: unknown key zzzzz; recado.conf(5) lists all\n"},
	{"stanza_bytes = 4;", "1: unknown key stanza_bytes; it belongs into \"limits\"\n"},
	{"data_directory = \"\";",
	 "1: data_directory is \"\": expected a text in double quotes (it is empty)\n"},
	{"run_directory = 3;", "1: run_directory is 3: expected a text in double quotes\n"},
	{"control_socket = [\"a\"];",
	 "1: control_socket is an array: expected a text in double quotes\n"},
	{"control_group = { };", "1: control_group is a group: expected a text in double quotes\n"},
	{"certificate_directory = false;",
	 "1: certificate_directory is false: expected a text in double quotes\n"},
	{"workers = 257;",
	 "1: workers is 257: expected a whole number without quotes, at most 256\n"},
	{"workers = \"two\";",
	 "1: workers is \"two\": expected a whole number without quotes, at most 256\n"},
	{"workers = 1.5;",
	 "1: workers is 1.5: expected a whole number without quotes, at most 256\n"},
	{"workers = -1;",
	 "1: workers is -1: expected a whole number without quotes, at most 256\n"},
	{"log_level = \"loud\";",
	 "1: log_level is \"loud\": expected one of \"error\", \"warning\", \"info\", \"debug\"\n"},
	{"user = 1000;", "1: user is 1000: expected a text in double quotes\n"},
	{"group = \"a\\nb\";", "1: group is \"a\\x0ab\": expected a text of one line\n"},
	{"shutdown_timeout = 5;", "1: shutdown_timeout is 5: expected a duration such as "
				  "\"500ms\", \"30s\", \"5m\" or \"2h\", "
				  "at most 5m\n"},
	/* Hosts. */
	{"hosts = (\"b.example\");", "1: both host and hosts; put all names into hosts\n"},
	{"certificate = 4;", "1: certificate is 4: expected a text in double quotes\n"},
	{"certificate = \"c\";",
	 "1: the host a.example has a certificate without a key; set both or neither\n"},
	{"key = true;", "1: key is true: expected a text in double quotes\n"},
	{"key = \"k\";",
	 "1: the host a.example has a key without a certificate; set both or neither\n"},
	{"registration = \"yes\";",
	 "1: registration is \"yes\": expected true or false, without quotes\n"},
	{"guests = 1;", "1: guests is 1: expected true or false, without quotes\n"},
	{"legacy_digest = \"\";",
	 "1: legacy_digest is \"\": expected true or false, without quotes\n"},
	{"admins = [\"a@b\", \"b\", \"a@b/c\"];",
	 "1: admins[2] is \"b\": expected an account's address such as \"admin@example.com\" "
	 "(there is "
	 "no @)\n"
	 "1: admins[3] is \"a@b/c\": expected an account's address such as \"admin@example.com\" "
	 "(it has "
	 "a resource)\n"},
	{"welcome = \"\\x1b[2J\";", "1: welcome is \"\\x1b[2J\": expected a text in double quotes "
				    "(it has a control character)\n"},
	{"welcome = \"\\xff\";",
	 "1: welcome is \"\\xff\": expected a text in double quotes (it is not valid UTF-8)\n"},
	{"contacts = 4;", "1: contacts is 4: expected a group: { name = value; }\n"},
	{"contacts = { abus = \"mailto:a@b\"; };",
	 "1: unknown key contacts.abus; did you mean \"abuse\"?\n"},
#define BAD_CONTACT(name)                                                                          \
	{                                                                                          \
		"contacts = { " name " = \"me\"; };",                                              \
			"1: contacts." name                                                        \
			" is \"me\": expected a URI such as \"mailto:admin@example.com\"\n"        \
	}
	BAD_CONTACT("abuse"),
	BAD_CONTACT("admin"),
	BAD_CONTACT("feedback"),
	BAD_CONTACT("sales"),
	BAD_CONTACT("security"),
	BAD_CONTACT("status"),
	BAD_CONTACT("support"),
	/* Listeners. */
	{"listeners = { };",
	 "1: listeners is a group: expected a list of groups: ( { type = \"c2s\"; "
	 "port = 5222; } )\n"},
	{"listeners = ();",
	 "1: listeners is a list: expected a list of groups: ( { type = \"c2s\"; "
	 "port = 5222; } )\n"},
	{"listeners = ( 5222 );",
	 "1: listeners[1] is 5222: expected a group such as { type = \"c2s\"; "
	 "port = 5222; }\n"},
	{"listeners = ( { typ = \"c2s\"; } );",
	 "1: unknown key listeners[1].typ; did you mean \"type\"?\n"},
	{"listeners = ( { type = \"s2s-udp\"; } );",
	 "1: listeners[1].type is \"s2s-udp\": expected one of \"c2s\", \"c2s-tls\", "
	 "\"component\", \"proxy\", \"s2s\", \"s2s-tls\"\n"},
	{"listeners = ( { address = \"localhost\"; } );",
	 "1: listeners[1].address is \"localhost\": expected an address such as \"192.0.2.1\" or "
	 "\"2001:db8::1\", or \"*\" for all\n"},
	{"listeners = ( { port = 65536; } );",
	 "1: listeners[1].port is 65536: expected a whole number without quotes, at most 65535\n"},
	{"listeners = ( { require_tls = \"no\"; } );",
	 "1: listeners[1].require_tls is \"no\": expected true or false, without quotes\n"},
	{"listeners = ( { allow_plaintext_passwords = true; } );",
	 "1: listeners[1].allow_plaintext_passwords is true: expected one of \"never\", "
	 "\"loopback\", "
	 "\"always\"\n"},
	{"listeners = ( { }, { address = \"127.0.0.1\"; } );",
	 "1: listeners[2] has the port of listeners[1], 5222; each needs its own\n"},
	/* components */
	{"components = { };",
	 "1: components is a group: expected a list of groups: ( { name = \"irc.example.com\"; "
	 "secret = \"...\"; } )\n"},
	{"components = ( 4 );",
	 "1: components[1] is 4: expected a group such as { name = \"irc.example.com\"; "
	 "secret = \"...\"; }\n"},
	{"components = ( { name = \"irc.a.example\"; } );",
	 "1: a component needs a name and a secret\n"},
	{"components = ( { name = \"x.example\"; secret = \"s\"; aliases = \"x.example\"; } );",
	 "1: the component x.example is there twice\n"},
	{"components = ( { aliases = 1; } );",
	 "1: components[1].aliases is 1: expected a text in double quotes, or several in brackets: "
	 "[\"one\", \"two\"]\n"},
	{"components = ( { secret = 4; } );",
	 "1: components[1].secret is 4: expected a text in double quotes\n"},
	{"components = ( { queue_bytes = \"1KiB\"; } );",
	 "1: components[1].queue_bytes is \"1KiB\": expected a size such as 4096, \"64KiB\" or "
	 "\"10MiB\", from 64KiB to 1GiB\n"},
	{"components = ( { roster = \"all\"; } );",
	 "1: components[1].roster is \"all\": expected one of \"none\", \"get\", \"set\", "
	 "\"both\"\n"},
	{"components = ( { presence = true; } );",
	 "1: components[1].presence is true: expected one of \"none\", \"managed_entity\", "
	 "\"roster\"\n"},
	{"components = ( { message = \"outgoing\"; } );",
	 "1: components[1].message is \"outgoing\": expected true or false, without quotes\n"},
	{"components = ( { iq_get = 1; } );",
	 "1: components[1].iq_get is 1: expected a text in double quotes, or several in brackets: "
	 "[\"one\", \"two\"]\n"},
	{"components = ( { iq_set = 1; } );",
	 "1: components[1].iq_set is 1: expected a text in double quotes, or several in brackets: "
	 "[\"one\", \"two\"]\n"},
	{"components = ( { delegations = 1; } );", "1: components[1].delegations is 1: expected a "
						   "text in double quotes, or several in brackets: "
						   "[\"one\", \"two\"]\n"},
	{"components = ( { name = \"x.example\"; secret = \"s\"; presence = \"roster\"; } );",
	 "1: presence = \"roster\" needs roster = \"get\" or \"both\" (XEP-0356)\n"},
	/* tls, sasl, sessions. */
	{"tls = true;", "1: tls is true: expected a group: { name = value; }\n"},
	{"tls = { minimum = \"1.2\"; };",
	 "1: unknown key tls.minimum; known are minimum_version, client_certificates, ca_file\n"},
	{"tls = { minimum_version = \"1.1\"; };",
	 "1: tls.minimum_version is \"1.1\": expected one of \"1.2\", \"1.3\"\n"},
	{"tls = { client_certificates = 0; };",
	 "1: tls.client_certificates is 0: expected true or false, without quotes\n"},
	{"tls = { ca_file = 0; };", "1: tls.ca_file is 0: expected a text in double quotes\n"},
	{"sasl = { disabled = \"plain\"; };",
	 "1: sasl.disabled is \"plain\": expected a mechanism's name such as \"SCRAM-SHA-1\"\n"},
	{"sasl = { disabled = [1, 2]; };", "1: sasl.disabled[1] is 1: expected a text in double "
					   "quotes, or several in brackets: [\"one\", "
					   "\"two\"]\n"
					   "1: sasl.disabled[2] is 2: expected a text in double "
					   "quotes, or several in brackets: [\"one\", "
					   "\"two\"]\n"},
	{"sasl = { scram_iterations = 4095; };",
	 "1: sasl.scram_iterations is 4095: expected a whole number without quotes, from 4096 to "
	 "1000000\n"},
	{"sasl = { fast_lifetime = \"1y\"; };",
	 "1: sasl.fast_lifetime is \"1y\": expected a duration such as \"500ms\", \"30s\", "
	 "\"5m\" or \"2h\", at most 365d\n"},
	{"sasl = { fast_rotation = \"366d\"; };",
	 "1: sasl.fast_rotation is \"366d\": expected a duration such as \"500ms\", \"30s\", "
	 "\"5m\" or \"2h\", at most 365d\n"},
	{"sasl = { clients_keep = \"long\"; };",
	 "1: sasl.clients_keep is \"long\": expected a duration such as \"500ms\", \"30s\", "
	 "\"5m\" or \"2h\", at most 3650d\n"},
	{"sasl = { clients_details = 1; };",
	 "1: sasl.clients_details is 1: expected true or false, without quotes\n"},
	{"sessions = { conflict = \"keep\"; };",
	 "1: sessions.conflict is \"keep\": expected one of \"replace-old\", \"refuse-new\", "
	 "\"rename\"\n"},
	{"sessions = { silent_after = \"25h\"; };",
	 "1: sessions.silent_after is \"25h\": expected a duration such as \"500ms\", \"30s\", "
	 "\"5m\" or "
	 "\"2h\", at most 1d\n"},
	{"sessions = { resume_timeout = \"5 minutes\"; };",
	 "1: sessions.resume_timeout is \"5 minutes\": expected a duration such as \"500ms\", "
	 "\"30s\", \"5m\" or \"2h\", at most 7d\n"},
	{"sessions = { tcp_user_timeout = \"5 minutes\"; };",
	 "1: sessions.tcp_user_timeout is \"5 minutes\": expected a duration such as \"500ms\", "
	 "\"30s\", \"5m\" or \"2h\", at most 1h\n"},
	/* s2s. */
	{"s2s = { require_certificate = \"yes\"; };",
	 "1: s2s.require_certificate is \"yes\": expected true or false, without quotes\n"},
	{"s2s = { allow = \"a b\"; };", "1: s2s.allow is \"a b\": expected a host name such as "
					"\"example.com\" (a domain that is not valid in IDNA)\n"},
	{"s2s = { deny = 5; };", "1: s2s.deny is 5: expected a text in double quotes, or several "
				 "in brackets: [\"one\", \"two\"]\n"},
	{"s2s = { closed = 1; };", "1: s2s.closed is 1: expected true or false, without quotes\n"},
	{"s2s = { private_addresses = 0; };",
	 "1: s2s.private_addresses is 0: expected true or false, without quotes\n"},
	{"s2s = { bidi = \"x\"; };",
	 "1: s2s.bidi is \"x\": expected true or false, without quotes\n"},
	{"s2s = { stream_management = 1; };",
	 "1: s2s.stream_management is 1: expected true or false, without quotes\n"},
	{"s2s = { spool = 1; };", "1: s2s.spool is 1: expected true or false, without quotes\n"},
	{"s2s = { spool_time = \"8d\"; };",
	 "1: s2s.spool_time is \"8d\": expected a duration such as \"500ms\", \"30s\", \"5m\" or "
	 "\"2h\", at most 7d\n"},
	{"s2s = { request_timeout = 0; };",
	 "1: s2s.request_timeout is 0: expected a duration such as \"500ms\", \"30s\", \"5m\" or "
	 "\"2h\", from 1s to 1h\n"},
	{"s2s = { connect_timeout = \"1h\"; };",
	 "1: s2s.connect_timeout is \"1h\": expected a duration such as \"500ms\", \"30s\", \"5m\" "
	 "or \"2h\", from 1s to 10m\n"},
	{"s2s = { idle_timeout = 10; };", "1: s2s.idle_timeout is 10: expected a duration such as "
					  "\"500ms\", \"30s\", \"5m\" or \"2h\", at most 7d\n"},
	{"s2s = { silent_after = 0; };", "1: s2s.silent_after is 0: expected a duration such as "
					 "\"500ms\", \"30s\", \"5m\" or \"2h\", from 1s to 1d\n"},
	{"s2s = { queue_bytes = \"1KiB\"; };",
	 "1: s2s.queue_bytes is \"1KiB\": expected a size such as 4096, \"64KiB\" or \"10MiB\", "
	 "from 64KiB to 1GiB\n"},
	{"s2s = { dials = 0; };",
	 "1: s2s.dials is 0: expected a whole number without quotes, from 1 to 100000\n"},
	{"s2s = { domains_per_hour = -1; };", "1: s2s.domains_per_hour is -1: expected a whole "
					      "number without quotes, at most 1000000\n"},
	{"s2s = { dns_server = \"ns.example\"; };",
	 "1: s2s.dns_server is \"ns.example\": expected an address such as \"192.0.2.1\", perhaps "
	 "with a port: \"192.0.2.1@5353\"\n"},
	{"s2s = { trust_anchor = 1; };",
	 "1: s2s.trust_anchor is 1: expected a text in double quotes\n"},
	{"s2s = { ca_file = 1; };", "1: s2s.ca_file is 1: expected a text in double quotes\n"},
	{"s2s = { overrides = ( { domain = \"a b\"; } ); };",
	 "1: s2s.overrides[1].domain is \"a b\": expected a host name such as \"example.com\" (a "
	 "domain that is not valid in IDNA)\n"},
	{"s2s = { overrides = ( { domain = \"x.example\"; address = \"here\"; } ); };",
	 "1: s2s.overrides[1].address is \"here\": expected an address such as \"192.0.2.1\" or "
	 "\"2001:db8::1\", or \"*\" for all\n"},
	{"s2s = { overrides = ( { domain = \"x.example\"; port = 65536; } ); };",
	 "1: s2s.overrides[1].port is 65536: expected a whole number without quotes, at most "
	 "65535\n"},
	{"s2s = { overrides = ( { domain = \"x.example\"; tls = \"none\"; } ); };",
	 "1: s2s.overrides[1].tls is \"none\": expected one of \"starttls\", \"direct\", "
	 "\"optional\"\n"},
	{"s2s = { overrides = ( { domain = \"x.example\"; require_certificate = true; } ); };",
	 "1: s2s.overrides[1].require_certificate is true: expected one of \"inherit\", \"yes\", "
	 "\"no\"\n"},
	{"s2s = { overrides = 5; };",
	 "1: s2s.overrides is 5: expected a list of groups: ( { domain = \"example.net\"; } )\n"},
	{"s2s = { overrides = ( \"x.example\" ); };",
	 "1: s2s.overrides[1] is \"x.example\": expected a group such as { domain = "
	 "\"example.net\"; }\n"},
	{"s2s = { overrides = ( { port = 5269; } ); };",
	 "1: an override without a domain; add domain = \"example.net\";\n"},
	{"s2s = { overides = ( ); };",
	 "1: unknown key s2s.overides; did you mean \"overrides\"?\n"},
/* limits. */
#define SIZE_WORDS "expected a size such as 4096, \"64KiB\" or \"10MiB\""
#define COUNT_WORDS "expected a whole number without quotes"
	{"limits = { stanza_bytes = \"lots\"; };",
	 "1: limits.stanza_bytes is \"lots\": " SIZE_WORDS ", from 10000B to 16MiB\n"},
	{"limits = { stanza_bytes = 9999; };",
	 "1: limits.stanza_bytes is 9999: " SIZE_WORDS ", from 10000B to 16MiB\n"},
	{"limits = { stanza_bytes_before_auth = \"2MiB\"; };",
	 "1: limits.stanza_bytes_before_auth is \"2MiB\": " SIZE_WORDS ", from 4KiB to 1MiB\n"},
	{"limits = { stanza_bytes_before_auth = \"1MiB\"; };",
	 "1: limits.stanza_bytes_before_auth is larger than limits.stanza_bytes\n"},
	{"limits = { auth_timeout = 30; };",
	 "1: limits.auth_timeout is 30: expected a duration such as \"500ms\", \"30s\", \"5m\" or "
	 "\"2h\", from 1s to 10m\n"},
	{"limits = { unauthenticated = -1; };",
	 "1: limits.unauthenticated is -1: " COUNT_WORDS ", at most 10000000\n"},
	{"limits = { unauthenticated_per_address = \"5\"; };",
	 "1: limits.unauthenticated_per_address is \"5\": " COUNT_WORDS ", at most 10000000\n"},
	{"limits = { sessions_per_account = 100001; };",
	 "1: limits.sessions_per_account is 100001: " COUNT_WORDS ", at most 100000\n"},
	{"limits = { outbound_queue_bytes = \"1KiB\"; };",
	 "1: limits.outbound_queue_bytes is \"1KiB\": " SIZE_WORDS ", from 64KiB to 1GiB\n"},
	{"limits = { offline_messages = true; };",
	 "1: limits.offline_messages is true: " COUNT_WORDS ", at most 10000000\n"},
	{"limits = { offline_bytes = \"10 megabytes\"; };",
	 "1: limits.offline_bytes is \"10 megabytes\": " SIZE_WORDS ", at most 1024GiB\n"},
	{"limits = { archive_bytes = \"1 gigabyte\"; };",
	 "1: limits.archive_bytes is \"1 gigabyte\": " SIZE_WORDS ", at most 1024GiB\n"},
	{"limits = { unwritten_bytes = 100; };",
	 "1: limits.unwritten_bytes is 100: " SIZE_WORDS ", from 1MiB to 64GiB\n"},
	{"limits = { unacknowledged_stanzas = -1; };",
	 "1: limits.unacknowledged_stanzas is -1: " COUNT_WORDS ", at most 10000000\n"},
	{"limits = { roster_items = 1000001; };",
	 "1: limits.roster_items is 1000001: " COUNT_WORDS ", at most 1000000\n"},
	{"limits = { directed_presence = 0; };",
	 "1: limits.directed_presence is 0: " COUNT_WORDS ", from 1 to 100000\n"},
	{"limits = { rate_bytes = -5; };",
	 "1: limits.rate_bytes is -5: " SIZE_WORDS ", at most 1GiB\n"},
	{"limits = { rate_burst_bytes = 0; };",
	 "1: limits.rate_burst_bytes is 0: " SIZE_WORDS ", from 16KiB to 1GiB\n"},
	{"limits = { registrations_per_hour = 1000001; };",
	 "1: limits.registrations_per_hour is 1000001: " COUNT_WORDS ", at most 1000000\n"},
	{"limits = { login_failures_per_minute = \"many\"; };",
	 "1: limits.login_failures_per_minute is \"many\": " COUNT_WORDS ", at most 1000000\n"},
	/* Modules. */
	{"modules = [ ];", "1: modules is an array: expected a group: { name = value; }\n"},
	{"modules = { pign = { }; };", "1: unknown module modules.pign; did you mean \"ping\"?\n"},
	{"modules = { zzzzz = { }; };",
	 "1: unknown module modules.zzzzz; known are ping, version, register\n"},
	{"modules = { ping = false; };",
	 "1: modules.ping is false: expected a group of the module's "
	 "options: { name = value; }\n"},
	{"modules = { ping = { enabled = \"no\"; }; };",
	 "1: modules.ping.enabled is \"no\": expected true or false, without quotes\n"},
	{"modules = { ping = { timout = \"5s\"; }; };",
	 "1: unknown key modules.ping.timout; did you mean \"timeout\"?\n"},
	{"modules = { ping = { timeout = \"61s\"; tries = 0; mode = \"tcp\"; }; };",
	 "1: modules.ping.timeout is \"61s\": expected a duration such as \"500ms\", \"30s\", "
	 "\"5m\" or "
	 "\"2h\", from 1s to 1m\n"
	 "1: modules.ping.tries is 0: expected a whole number without quotes, at least 1\n"
	 "1: modules.ping.mode is \"tcp\": expected one of \"iq\", \"space\"\n"},
	{"modules = { version = { x = 1; }; };",
	 "1: unknown key modules.version.x; known are enabled\n"},
	/* The text itself; all faults, by line. */
	{"\nworkers = ;",
	 "2: syntax error here or on the line before; each setting is name = value; and "
	 "texts stand in double quotes\n"},
	{"\nuser = \"x;\n\n", "2: the text that begins here has no second quote\n"},
	{"\n/* x \n\n", "2: the comment that begins here never ends\n"},
	{"user = \"a\";\nuser = \"b\";", "2: duplicate setting name\n"},
	{"\n @include \"/etc/shadow\"\n",
	 "2: @include is not supported; all settings stand in one file\n"},
	{"workers = 4294967297;",
	 "1: the number 4294967297 is too large; sizes may be written as \"2GiB\"\n"},
	{"workers = 0x100000001;",
	 "1: the number 0x100000001 is too large; sizes may be written as \"2GiB\"\n"},
	{"\nlimits = {\n  roster_items = \"a\";\n};\nuser = 1;\nworkrs = 2;",
	 "3: limits.roster_items is \"a\": expected a whole number without quotes, at most "
	 "1000000\n"
	 "5: user is 1: expected a text in double quotes\n"
	 "6: unknown key workrs; did you mean \"workers\"?\n"},
};

TEST(r15_each_fault_is_told_with_its_line)
{
	for (size_t i = 0; i < COUNT(faults); i++) {
		struct str text =
			arena_printf(t->arena, "host = \"a.example\"; %s", faults[i].text);
		struct str errors = STR(""), rest = str(faults[i].errors), line, want = STR("");

		while (str_split(&rest, '\n', &line) && line.len > 0)
			want = arena_printf(t->arena, "%.*s/etc/r/recado.conf:%.*s\n",
					    STR_ARG(want), STR_ARG(line));
		test_row(t, faults[i].text);
		check(t, parse(t, text.p, &errors) == NULL);
		check_strs(t, errors, want);
	}
}

/* Files without a good host. */
static const struct {
	const char *text, *errors;
} host_faults[] = {
	{"", "/etc/r/recado.conf: no host; add a line such as host = \"example.com\";\n"},
	{"hots = \"a.example\";",
	 "/etc/r/recado.conf: no host; add a line such as host = \"example.com\";\n"
	 "/etc/r/recado.conf:1: unknown key hots; did you mean \"host\"?\n"},
	{"hosts = ();", "/etc/r/recado.conf: the list of hosts is empty; add a name\n"},
	{"host = 4;", "/etc/r/recado.conf:1: host is 4: expected a host's name in double quotes, "
		      "or a group with "
		      "its name\n"},
	{"host = \"\";",
	 "/etc/r/recado.conf:1: host is \"\": expected a host name such as \"example.com\" (no "
	 "domain)\n"},
	{"hosts = ({ registration = true; });",
	 "/etc/r/recado.conf:1: a host without a name; add name = \"example.com\";\n"},
	{"hosts = (\"a.example\",\n\"A.example\");",
	 "/etc/r/recado.conf:2: the host a.example is there twice\n"},
	{"hosts = ({ name = 5; });",
	 "/etc/r/recado.conf:1: hosts[1].name is 5: expected a text in double quotes\n"},
	{"hosts = ({ name = \"a.example\"; workers = 2; });",
	 "/etc/r/recado.conf:1: unknown key hosts[1].workers; it belongs to the top level, outside "
	 "of "
	 "all groups\n"},
	{"hosts = ({ name = \"a.example\"; modules = { pin = {}; }; });",
	 "/etc/r/recado.conf:1: unknown module hosts[1].modules.pin; did you mean \"ping\"?\n"},
	{"host = \"a.example\";\nname = \"x\";",
	 "/etc/r/recado.conf:2: unknown key name; it belongs into \"hosts\"\n"},
};

TEST(r15_faults_of_hosts)
{
	for (size_t i = 0; i < COUNT(host_faults); i++) {
		struct str errors = STR("");

		test_row(t, host_faults[i].text);
		check(t, parse(t, host_faults[i].text, &errors) == NULL);
		check_str(t, errors, host_faults[i].errors);
	}
}

/* "limits.stanza_bytes is", as the rows above have it */
static bool
has_bad_value_row(struct test *t, const struct config_section *section, const char *key)
{
	bool in_list = strcmp(section->path, "listeners") == 0 ||
		       strcmp(section->path, "components") == 0 ||
		       strcmp(section->path, "s2s.overrides") == 0;
	bool is_top = section->path[0] == '\0' || strcmp(section->path, "hosts") == 0;
	struct str want = arena_printf(t->arena, ": %s%s%s%s", is_top ? "" : section->path,
				       in_list ? "[1]" : "", is_top ? "" : ".", key);

	for (size_t i = 0; i < COUNT(faults); i++) {
		const char *at = strstr(faults[i].errors, want.p);

		if (at != NULL && strchr(" [", at[want.len]) != NULL)
			return true;
	}
	return strcmp(key, "name") == 0; /* among host_faults */
}

TEST(r15_each_key_has_a_row)
{
	for (size_t i = 0; i < SECTION_COUNT; i++)
		for (size_t k = 0; k < config_sections[i].count; k++) {
			const char *name = config_sections[i].keys[k].option.name;

			test_row(t, name);
			check(t, has_bad_value_row(t, &config_sections[i], name));
		}
}

TEST(config_nul_byte)
{
	struct config *config;
	struct str errors;

	check_int(t,
		  config_parse(STR("host = \"a\";\0"), "f", modules, COUNT(modules), &config,
			       t->arena, &errors),
		  -1);
	check_str(t, errors, "f: the file has a NUL byte, it is not text\n");
}

TEST(config_load_says_why_a_file_cannot_be_read)
{
	struct config *config;
	struct str errors;

	check_int(t, config_load("/nowhere/x.conf", NULL, 0, &config, t->arena, &errors), -1);
	check_str(t, errors,
		  "/nowhere/x.conf: cannot read the configuration: No such file or directory\n");
	check_int(t, config_load("/dev/zero", NULL, 0, &config, t->arena, &errors), -1);
	check_str(t, errors, "/dev/zero: cannot read the configuration: it is larger than 1 MiB\n");
	check_int(t, config_load("/", NULL, 0, &config, t->arena, &errors), -1);
	check_str(t, errors, "/: cannot read the configuration: Is a directory\n");
}

TEST(config_without_modules_leaves_them_unchecked)
{
	struct config *config = NULL;
	struct str errors = STR("");

	check_int(t,
		  config_parse(STR("host=\"a.example\"; modules = { any = { thing = 1; }; };"), "f",
			       NULL, 0, &config, t->arena, &errors),
		  0);
	config_unref(config);
}

TEST(config_tells_what_needs_a_restart)
{
	struct config *old = take(t, "host = \"a.example\"; workers = 2;");
	struct config *same = take(t, "host = \"b.example\"; workers = 2; log_level = \"debug\";");
	struct config *other = take(t, "host = \"a.example\"; workers = 3; user = \"x\";"
				       "listeners = ( { port = 5222; } );");

	check_str(t, config_needs_restart(t->arena, old, same), "");
	check_str(t, config_needs_restart(t->arena, old, other), "workers, user, listeners");
	config_unref(old);
	config_unref(same);
	config_unref(other);
}

TEST(config_is_counted)
{
	struct config *config = take(t, "host = \"a.example\";");
	struct config *again = config_ref(config);

	config_unref(config);
	check_str(t, again->hosts[0].name, "a.example");
	config_unref(again);
	config_unref(NULL);
}

static void
touch(struct test *t, struct str path)
{
	FILE *file = fopen(path.p, "w");

	if (check(t, file != NULL))
		fclose(file);
}

TEST(config_finds_certificates)
{
	char directory[] = "/tmp/recado-test-XXXXXX";
	const char *certificate, *key;
	struct str path, text;
	struct config *c;

	if (!check(t, mkdtemp(directory) != NULL))
		return;
	text = arena_printf(t->arena,
			    "certificate_directory = \"%s\"; hosts = (\"a.example\", "
			    "{ name = \"b.example\"; certificate = \"/c\"; key = \"/k\"; });",
			    directory);
	c = take(t, text.p);
	check_int(t, config_host_certificate(c, &c->hosts[0], t->arena, &certificate, &key),
		  CERTIFICATE_SELF_SIGNED);
	check_str(t, str(certificate), "/var/lib/recado/a.example.self-signed.crt");
	check_int(t, config_host_certificate(c, &c->hosts[1], t->arena, &certificate, &key),
		  CERTIFICATE_NAMED);
	check_str(t, str(key), "/k");
	path = arena_printf(t->arena, "%s/a.example.", directory);
	touch(t, arena_join(t->arena, path, STR("crt")));
	touch(t, arena_join(t->arena, path, STR("key")));
	check_int(t, config_host_certificate(c, &c->hosts[0], t->arena, &certificate, &key),
		  CERTIFICATE_FOUND);
	check_strs(t, str(certificate), arena_join(t->arena, path, STR("crt")));
	unlink(arena_join(t->arena, path, STR("crt")).p);
	unlink(arena_join(t->arena, path, STR("key")).p);
	rmdir(directory);
	config_unref(c);
}

static const struct {
	const char *text;
	int64_t ms, bytes; /* -1: refused */
} units[] = {
	{"0", 0, 0},
	{"30s", 30000, -1},
	{"500ms", 500, -1},
	{"5m", 300000, -1},
	{"2h", 7200000, -1},
	{"7d", 604800000, -1},
	{"64KiB", -1, 65536},
	{"10 MiB", -1, 10 << 20},
	{"2GiB", -1, 1ll << 31},
	{"12B", -1, 12},
	{"", -1, -1},
	{"s", -1, -1},
	{"-1s", -1, -1},
	{"1.5s", -1, -1},
	{"5", -1, -1},
	{"99999999999s", -1, -1},
	{"5M", -1, -1},
	{"4294967295d", 4294967295ll * 86400000, -1},
};

TEST(config_units)
{
	for (size_t i = 0; i < COUNT(units); i++) {
		uint64_t value = 0;
		int rc = config_parse_duration(str(units[i].text), &value);

		test_row(t, units[i].text);
		check_int(t, rc < 0 ? -1 : (int64_t)value, units[i].ms);
		rc = config_parse_size(str(units[i].text), &value);
		check_int(t, rc < 0 ? -1 : (int64_t)value, units[i].bytes);
	}
}

TEST(config_distance_of_names)
{
	check_int(t, config_distance(STR("workers"), STR("workers")), 0);
	check_int(t, config_distance(STR("workrs"), STR("workers")), 1);
	check_int(t, config_distance(STR("owrkers"), STR("workers")), 1);
	check_int(t, config_distance(STR(""), STR("abc")), 3);
	check_int(t, config_distance(STR("kitten"), STR("sitting")), 3);
}
