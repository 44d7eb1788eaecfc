/* SPDX-License-Identifier: MIT */
/* config_keys.c - every key of the configuration file: type, default, bounds and help. */
#include "server/config_keys.h"

#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define SECONDS(n) ((uint64_t)(n)*1000)
#define MINUTES(n) (SECONDS(n) * 60)
#define HOURS(n) (MINUTES(n) * 60)

#define IN(type, member) .offset = offsetof(struct type, member)
#define RESTART .needs_restart = true

static const struct config_key top_keys[] = {
	{{"data_directory", OPTION_TEXT, "/var/lib/recado", "where accounts and messages are kept",
	  .min = 1},
	 IN(config, data_directory),
	 CHECK_PATH,
	 RESTART},
	{{"run_directory", OPTION_TEXT, "/run/recado", "for the control socket", .min = 1},
	 IN(config, run_directory),
	 CHECK_PATH,
	 RESTART},
	{{"control_socket", OPTION_TEXT, "",
	  "where recadoctl finds the server; empty: `control.sock` in the run directory"},
	 IN(config, control_socket),
	 CHECK_PATH,
	 RESTART},
	{{"control_group", OPTION_TEXT, "",
	  "group whose members may use recadoctl too; empty: only root and the server's own user"},
	 IN(config, control_group),
	 RESTART},
	{{"certificate_directory", OPTION_TEXT, "/etc/recado/certificates",
	  "where the certificate of a host is looked for that names none: `NAME.crt` and "
	  "`NAME.key`, or `NAME/fullchain.pem` and `NAME/privkey.pem`; without one, a self-signed "
	  "one is made",
	  .min = 1},
	 IN(config, certificate_directory),
	 CHECK_PATH},
	{{"workers", OPTION_INT, "0", "threads that carry the sessions; 0: one for each core",
	  .max = 256},
	 IN(config, workers),
	 RESTART},
	{{"log_level", OPTION_TEXT, "info", "what is logged",
	  .choices = "error warning info debug"},
	 IN(config, log_level)},
	{{"user", OPTION_TEXT, "", "user to become once the ports are open; empty: no change"},
	 IN(config, user),
	 RESTART},
	{{"group", OPTION_TEXT, "", "group to become; empty: the user's own"},
	 IN(config, group),
	 RESTART},
	{{"shutdown_timeout", OPTION_DURATION, "5s",
	  "how long clients have to take their last bytes when the server stops",
	  .max = MINUTES(5)},
	 IN(config, shutdown_timeout)},
};

static const struct config_key host_keys[] = {
	{{"name", OPTION_TEXT, "", "the host's name, the part of an address behind the @"},
	 IN(config_host, name),
	 CHECK_HOST},
	{{"certificate", OPTION_TEXT, "", "PEM file with the certificate and its chain"},
	 IN(config_host, certificate),
	 CHECK_PATH},
	{{"key", OPTION_TEXT, "", "PEM file with the certificate's private key"},
	 IN(config_host, key),
	 CHECK_PATH},
	{{"registration", OPTION_BOOL, "false",
	  "whether anyone may make an account in the client (XEP-0077)"},
	 IN(config_host, registration)},
	{{"guests", OPTION_BOOL, "false",
	  "whether anyone may log in without an account, for one session (SASL ANONYMOUS)"},
	 IN(config_host, guests)},
	{{"legacy_digest", OPTION_BOOL, "false",
	  "whether clients of before 2004 may log in with a digest (XEP-0078); passwords set from "
	  "then on are kept in encrypted form, and who has the server's files can read them"},
	 IN(config_host, legacy_digest)},
	{{"admins", OPTION_LIST, "", "addresses of the administrators"},
	 IN(config_host, admins),
	 CHECK_JIDS},
	{{"welcome", OPTION_TEXT, "", "message to each new account; empty: none"},
	 IN(config_host, welcome),
	 CHECK_LINES},
};

#define CONTACT(name, index, help)                                                                 \
	{                                                                                          \
		{name, OPTION_LIST, "", help}, IN(config_host, contacts[index]), CHECK_URIS        \
	}

static const struct config_key contact_keys[CONTACT_COUNT] = {
	CONTACT("abuse", CONTACT_ABUSE, "where to report abuse"),
	CONTACT("admin", CONTACT_ADMIN, "the administrators"),
	CONTACT("feedback", CONTACT_FEEDBACK, "where opinions are welcome"),
	CONTACT("sales", CONTACT_SALES, "sales"),
	CONTACT("security", CONTACT_SECURITY, "where to report weaknesses"),
	CONTACT("status", CONTACT_STATUS, "where outages are announced"),
	CONTACT("support", CONTACT_SUPPORT, "where users find help"),
};

static const struct config_key listener_keys[] = {
	{{"type", OPTION_TEXT, "c2s",
	  "clients with STARTTLS, or with TLS from the first byte; or components (XEP-0114), "
	  "whose connections are not encrypted; or files between clients (XEP-0065); or other "
	  "servers, with STARTTLS or TLS: without a listener for them there is no federation",
	  .choices = "c2s c2s-tls component proxy s2s s2s-tls"},
	 IN(config_listener, type),
	 CHECK_ENUM,
	 RESTART},
	{{"address", OPTION_TEXT, "*",
	  "numeric address to listen on; `*`: all; 127.0.0.1 where the type is `component`"},
	 IN(config_listener, address),
	 CHECK_ADDRESS,
	 RESTART},
	{{"port", OPTION_INT, "5222",
	  "port to listen on, 5223 where the type is `c2s-tls`, 5347 where it is `component`, 5269 "
	  "where it is `s2s`, 5270 where it is `s2s-tls`; 0: any that is free",
	  .max = 65535},
	 IN(config_listener, port),
	 RESTART},
	{{"require_tls", OPTION_BOOL, "true",
	  "whether clients must start TLS before they log in, other than those of the next key"},
	 IN(config_listener, require_tls),
	 RESTART},
	{{"allow_plaintext_passwords", OPTION_TEXT, "loopback",
	  "who may send passwords on connections that are not encrypted: nobody, programs on the "
	  "machine itself, or everybody",
	  .choices = "never loopback always"},
	 IN(config_listener, allow_plaintext_passwords),
	 CHECK_ENUM,
	 RESTART},
};

static const struct config_key component_keys[] = {
	{{"name", OPTION_TEXT, "", "the component's domain, such as `irc.example.com`"},
	 IN(config_component, name),
	 CHECK_HOST},
	{{"aliases", OPTION_LIST, "", "further domains that it serves on the same connection"},
	 IN(config_component, aliases),
	 CHECK_HOSTS},
	{{"secret", OPTION_TEXT, "", "what it logs in with: long, and drawn at random"},
	 IN(config_component, secret)},
	{{"queue_bytes", OPTION_SIZE, "16MiB",
	  "what may wait for a component that does not read; stanzas past that are refused",
	  .min = KIB(64), .max = MIB(1024)},
	 IN(config_component, queue_bytes)},
	{{"roster", OPTION_TEXT, "none",
	  "whether it may read or change the rosters of this server's accounts (XEP-0356)",
	  .choices = "none get set both"},
	 IN(config_component, roster),
	 CHECK_ENUM},
	{{"presence", OPTION_TEXT, "none",
	  "whose presence it sees (XEP-0356): nobody's, that of this server's accounts, or that of "
	  "their contacts too",
	  .choices = "none managed_entity roster"},
	 IN(config_component, presence),
	 CHECK_ENUM},
	{{"message", OPTION_BOOL, "false",
	  "whether it may send messages in the name of this server's accounts and hosts "
	  "(XEP-0356)"},
	 IN(config_component, message)},
	{{"iq_get", OPTION_LIST, "",
	  "namespaces of requests that it may make in the name of accounts (XEP-0356)"},
	 IN(config_component, iq_get)},
	{{"iq_set", OPTION_LIST, "", "and of those that change something"},
	 IN(config_component, iq_set)},
	{{"delegations", OPTION_LIST, "",
	  "namespaces of requests to the server or its accounts that it answers instead "
	  "(XEP-0355)"},
	 IN(config_component, delegations)},
};

static const struct config_key tls_keys[] = {
	{{"minimum_version", OPTION_TEXT, "1.2", "oldest version that is accepted",
	  .choices = "1.2 1.3"},
	 IN(config, tls.minimum_version),
	 CHECK_ENUM},
	{{"client_certificates", OPTION_BOOL, "false",
	  "whether clients may log in with a certificate (SASL EXTERNAL, XEP-0178)"},
	 IN(config, tls.client_certificates)},
	{{"ca_file", OPTION_TEXT, "",
	  "PEM file of authorities for clients' certificates; empty: the system's"},
	 IN(config, tls.ca_file),
	 CHECK_PATH},
};

static const struct config_key sasl_keys[] = {
	{{"disabled", OPTION_LIST, "", "mechanisms to switch off, such as `SCRAM-SHA-1`"},
	 IN(config, sasl.disabled),
	 CHECK_MECHANISM},
	/* RFC 7677 §4: at least 4096; RFC 5802 has no upper bound, but a login pays for it. */
	{{"scram_iterations", OPTION_INT, "10000", "work to derive a key of a new password",
	  .min = 4096, .max = 1000000},
	 IN(config, sasl.scram_iterations)},
	{{"fast_lifetime", OPTION_DURATION, "21d",
	  "how long a token for logging in fast is good (XEP-0484); 0: none are given",
	  .max = HOURS(24 * 365)},
	 IN(config, sasl.fast_lifetime)},
	{{"fast_rotation", OPTION_DURATION, "1d",
	  "how old a token may be before the client is given a new one", .max = HOURS(24 * 365)},
	 IN(config, sasl.fast_rotation)},
	{{"clients_keep", OPTION_DURATION, "60d",
	  "how long a device that does not log in stays in its user's list (XEP-0494); 0: for ever",
	  .max = HOURS(24 * 3650)},
	 IN(config, sasl.clients_keep)},
	{{"clients_details", OPTION_BOOL, "true",
	  "whether what a device calls itself and its software is kept for that list"},
	 IN(config, sasl.clients_details)},
};

static const struct config_key sessions_keys[] = {
	{{"conflict", OPTION_TEXT, "replace-old",
	  "when a second client asks for a resource that is in use: end the old session, refuse "
	  "the new one, or give the new one another resource (RFC 6120 §7.7.2.2)",
	  .choices = "replace-old refuse-new rename"},
	 IN(config, sessions.conflict),
	 CHECK_ENUM},
	{{"silent_after", OPTION_DURATION, "5m",
	  "how long a client may be silent before it is asked whether it is there; 0: for ever",
	  .max = HOURS(24)},
	 IN(config, sessions.silent_after)},
	{{"tcp_user_timeout", OPTION_DURATION, "2m",
	  "how long sent bytes may stay unacknowledged before the connection counts as dead; 0: as "
	  "the system has it",
	  .max = HOURS(1)},
	 IN(config, sessions.tcp_user_timeout)},
	{{"resume_timeout", OPTION_DURATION, "15m",
	  "how long a session without connection waits for its client to come back (XEP-0198); 0: "
	  "not at all",
	  .max = HOURS(24 * 7)},
	 IN(config, sessions.resume_timeout)},
};

static const struct config_key limits_keys[] = {
	/* RFC 6120 §13.12: no less than 10000 bytes. */
	{{"stanza_bytes", OPTION_SIZE, "256KiB", "one stanza of a client that is logged in",
	  .min = 10000, .max = MIB(16)},
	 IN(config, limits.stanza_bytes)},
	{{"stanza_bytes_before_auth", OPTION_SIZE, "10KiB", "one element before the login is done",
	  .min = 4096, .max = MIB(1)},
	 IN(config, limits.stanza_bytes_before_auth)},
	{{"auth_timeout", OPTION_DURATION, "30s",
	  "time from the connection to the end of the login", .min = SECONDS(1),
	  .max = MINUTES(10)},
	 IN(config, limits.auth_timeout)},
	{{"unauthenticated", OPTION_INT, "10000", "connections that are not logged in; 0: no limit",
	  .max = 10000000},
	 IN(config, limits.unauthenticated)},
	{{"unauthenticated_per_address", OPTION_INT, "100",
	  "the same, from one IPv4 address or IPv6 /64; 0: no limit", .max = 10000000},
	 IN(config, limits.unauthenticated_per_address)},
	{{"sessions_per_account", OPTION_INT, "32", "sessions of one account; 0: no limit",
	  .max = 100000},
	 IN(config, limits.sessions_per_account)},
	{{"outbound_queue_bytes", OPTION_SIZE, "4MiB",
	  "what waits for a client that does not read; past that the session ends, and its "
	  "messages are kept",
	  .min = KIB(64), .max = MIB(1024)},
	 IN(config, limits.outbound_queue_bytes)},
	{{"offline_messages", OPTION_INT, "1000", "messages kept for an account; 0: no limit",
	  .max = 10000000},
	 IN(config, limits.offline_messages)},
	{{"offline_bytes", OPTION_SIZE, "10MiB", "bytes of them; 0: no limit",
	  .max = MIB(1024 * 1024)},
	 IN(config, limits.offline_bytes)},
	{{"archive_bytes", OPTION_SIZE, "1GiB",
	  "messages archived for an account: past that, the oldest go; 0: no limit",
	  .max = MIB(1024 * 1024)},
	 IN(config, limits.archive_bytes)},
	{{"unacknowledged_stanzas", OPTION_INT, "5000",
	  "stanzas that a client has not acknowledged (XEP-0198); past that its session ends, and "
	  "its messages are kept; 0: no limit",
	  .max = 10000000},
	 IN(config, limits.unacknowledged_stanzas)},
	{{"unwritten_bytes", OPTION_SIZE, "64MiB",
	  "messages that wait for the disk, of one worker: past that, senders are told to wait",
	  .min = MIB(1), .max = MIB(1024 * 64)},
	 IN(config, limits.unwritten_bytes)},
	{{"roster_items", OPTION_INT, "5000", "contacts of an account; 0: no limit",
	  .max = 1000000},
	 IN(config, limits.roster_items)},
	{{"directed_presence", OPTION_INT, "1000",
	  "addresses that a session sent presence to and that are told when it ends", .min = 1,
	  .max = 100000},
	 IN(config, limits.directed_presence)},
	{{"rate_bytes", OPTION_SIZE, "256KiB", "bytes per second of one session; 0: no limit",
	  .max = MIB(1024)},
	 IN(config, limits.rate_bytes)},
	{{"rate_burst_bytes", OPTION_SIZE, "2MiB",
	  "bytes that a session may send at once before that rate holds", .min = KIB(16),
	  .max = MIB(1024)},
	 IN(config, limits.rate_burst_bytes)},
	{{"registrations_per_hour", OPTION_INT, "5",
	  "accounts made from one IPv4 address or IPv6 /64; 0: no limit", .max = 1000000},
	 IN(config, limits.registrations_per_hour)},
	{{"login_failures_per_minute", OPTION_INT, "30",
	  "wrong passwords from one IPv4 address or IPv6 /64; 0: no limit", .max = 1000000},
	 IN(config, limits.login_failures_per_minute)},
};

static const struct config_key s2s_keys[] = {
	{{"require_certificate", OPTION_BOOL, "true",
	  "whether another server must show a valid certificate for its domain; else dialback "
	  "(XEP-0220), which trusts the DNS, will do too"},
	 IN(config, s2s.require_certificate)},
	{{"allow", OPTION_LIST, "",
	  "domains that may be talked to when the federation is closed; each stands for its "
	  "sub-domains too"},
	 IN(config, s2s.allow),
	 CHECK_HOSTS},
	{{"deny", OPTION_LIST, "", "domains that may not, with their sub-domains"},
	 IN(config, s2s.deny),
	 CHECK_HOSTS},
	{{"closed", OPTION_BOOL, "false",
	  "whether only the domains of `allow` and of `overrides` are talked to"},
	 IN(config, s2s.closed)},
	{{"private_addresses", OPTION_BOOL, "false",
	  "whether the DNS may lead to loopback, link-local and private addresses; an override may "
	  "in any case"},
	 IN(config, s2s.private_addresses)},
	{{"bidi", OPTION_BOOL, "true",
	  "whether one connection may carry stanzas in both directions (XEP-0288)"},
	 IN(config, s2s.bidi)},
	{{"stream_management", OPTION_BOOL, "true",
	  "whether stanzas are counted, and sent again after a broken connection (XEP-0198)"},
	 IN(config, s2s.stream_management)},
	{{"spool", OPTION_BOOL, "true",
	  "whether messages to other servers are kept on the disk until those have them"},
	 IN(config, s2s.spool)},
	{{"spool_time", OPTION_DURATION, "1h",
	  "how long a message waits for a server that cannot be reached, before its sender gets an "
	  "error",
	  .max = HOURS(24 * 7)},
	 IN(config, s2s.spool_time)},
	{{"request_timeout", OPTION_DURATION, "45s", "the same for requests and presence",
	  .min = SECONDS(1), .max = HOURS(1)},
	 IN(config, s2s.request_timeout)},
	{{"connect_timeout", OPTION_DURATION, "30s",
	  "time from the look at the DNS to the end of the negotiation, each time",
	  .min = SECONDS(1), .max = MINUTES(10)},
	 IN(config, s2s.connect_timeout)},
	{{"idle_timeout", OPTION_DURATION, "10m",
	  "connections without a stanza are closed after that time; 0: never",
	  .max = HOURS(24 * 7)},
	 IN(config, s2s.idle_timeout)},
	{{"silent_after", OPTION_DURATION, "90s",
	  "how long another server may be silent while it owes an answer, before it is asked "
	  "whether it is there; as long again, and the connection counts as dead",
	  .min = SECONDS(1), .max = HOURS(24)},
	 IN(config, s2s.silent_after)},
	{{"queue_bytes", OPTION_SIZE, "4MiB", "what may wait for one remote domain", .min = KIB(64),
	  .max = MIB(1024)},
	 IN(config, s2s.queue_bytes)},
	{{"dials", OPTION_INT, "200", "connections that one worker opens at a time", .min = 1,
	  .max = 100000},
	 IN(config, s2s.dials)},
	{{"domains_per_hour", OPTION_INT, "100",
	  "remote domains not talked to before that one account may make the server call; 0: no "
	  "limit",
	  .max = 1000000},
	 IN(config, s2s.domains_per_hour)},
	{{"dns_server", OPTION_TEXT, "",
	  "name server to ask, as `192.0.2.1` or `192.0.2.1@53`; empty: as the system has it"},
	 IN(config, s2s.dns_server),
	 CHECK_RESOLVER},
	{{"trust_anchor", OPTION_TEXT, "",
	  "file with the key of the DNS root, such as `/usr/share/dns/root.key` of dns-root-data: "
	  "with it answers are checked (DNSSEC), and a domain may say there what its server's "
	  "certificate is (DANE); empty: neither"},
	 IN(config, s2s.trust_anchor),
	 CHECK_PATH},
	{{"ca_file", OPTION_TEXT, "",
	  "PEM file of authorities for other servers' certificates; empty: the system's"},
	 IN(config, s2s.ca_file),
	 CHECK_PATH},
};

static const struct config_key override_keys[] = {
	{{"domain", OPTION_TEXT, "", "the remote domain"}, IN(config_remote, domain), CHECK_HOST},
	{{"address", OPTION_TEXT, "", "where it is, as a numeric address; empty: as the DNS says"},
	 IN(config_remote, address),
	 CHECK_ADDRESS},
	{{"port", OPTION_INT, "0", "port at that address; 0: 5269, or 5270 for direct TLS",
	  .max = 65535},
	 IN(config_remote, port)},
	{{"tls", OPTION_TEXT, "starttls",
	  "how the connection to that address is encrypted; `optional`: not at all if the other "
	  "server cannot, in both directions",
	  .choices = "starttls direct optional"},
	 IN(config_remote, tls),
	 CHECK_ENUM},
	{{"require_certificate", OPTION_TEXT, "inherit", "as in `s2s`, for this domain",
	  .choices = "inherit yes no"},
	 IN(config_remote, require_certificate),
	 CHECK_ENUM},
};

const struct config_section config_sections[SECTION_COUNT] = {
	[SECTION_TOP] =
		{"",
		 "These stand outside of any group. All keys of a host but its name may stand "
		 "here too, and then hold for every host that does not say otherwise.",
		 top_keys, COUNT(top_keys)},
	[SECTION_HOST] =
		{"hosts",
		 "A list of the hosts that are served, each a name or a group. One host alone "
		 "is written as `host = \"example.com\";`.",
		 host_keys, COUNT(host_keys),
		 "hosts = (\n"
		 "\t\"example.com\",\n"
		 "\t{ name = \"guests.example.com\"; guests = true; }\n"
		 ");"},
	[SECTION_CONTACTS] =
		{"contacts",
		 "A group of a host: addresses, as URIs, that clients show to users "
		 "(XEP-0157).",
		 contact_keys, COUNT(contact_keys),
		 "contacts = {\n"
		 "\tabuse = \"mailto:abuse@example.com\";\n"
		 "\tsupport = [\"xmpp:help@example.com\", \"https://example.com/help\"];\n"
		 "};"},
	[SECTION_LISTENER] =
		{"listeners",
		 "A list of groups, one for each port. Without it, clients are served on ports "
		 "5222 (STARTTLS) and 5223 (TLS) of all addresses, and other servers on 5269 and "
		 "5270.",
		 listener_keys, COUNT(listener_keys),
		 "listeners = (\n"
		 "\t{ type = \"c2s\"; port = 5222; },\n"
		 "\t{ type = \"c2s-tls\"; port = 5223; address = \"192.0.2.1\"; }\n"
		 ");"},
	[SECTION_COMPONENT] =
		{"components",
		 "A list of groups, one for each external component (XEP-0114), such as a gateway "
		 "to "
		 "another network. Without a listener of the type `component` they connect to port "
		 "5347 of 127.0.0.1.",
		 component_keys, COUNT(component_keys),
		 "components = (\n"
		 "\t{ name = \"irc.example.com\"; secret = \"lMdSCjJBGxoKwzhsd9Pd\"; }\n"
		 ");"},
	[SECTION_TLS] = {"tls", "A group: encryption.", tls_keys, COUNT(tls_keys),
			 "tls = { minimum_version = \"1.3\"; };"},
	[SECTION_SASL] = {"sasl", "A group: how clients log in.", sasl_keys, COUNT(sasl_keys),
			  "sasl = { disabled = [\"PLAIN\", \"SCRAM-SHA-1\"]; };"},
	[SECTION_SESSIONS] = {"sessions", "A group: sessions, and how dead ones are found.",
			      sessions_keys, COUNT(sessions_keys),
			      "sessions = { conflict = \"rename\"; };"},
	[SECTION_LIMITS] = {"limits", "A group: what one client, account or address may use.",
			    limits_keys, COUNT(limits_keys),
			    "limits = { offline_messages = 200; rate_bytes = \"64KiB\"; };"},
	[SECTION_S2S] = {"s2s", "A group: federation with other servers.", s2s_keys,
			 COUNT(s2s_keys),
			 "s2s = { deny = [\"spam.example\"]; spool_time = \"4h\"; };"},
	[SECTION_OVERRIDE] =
		{"s2s.overrides",
		 "A list in `s2s`: what holds for one remote domain, such as its address in a "
		 "private network.",
		 override_keys, COUNT(override_keys),
		 "s2s = { overrides = (\n"
		 "\t{ domain = \"b.example\"; address = \"10.0.0.2\"; require_certificate = "
		 "\"no\"; }\n"
		 "); };"},
};
