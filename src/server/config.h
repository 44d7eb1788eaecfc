/* SPDX-License-Identifier: MIT */
/*
 * config.h - the configuration file: read, checked whole, and immutable from then on.
 *
 * The smallest file is one line: host = "example.com";
 * Every key stands in one const table (config_keys.c) with its type, default and help; the manual
 * is made from it. A file is taken whole or not at all, and every fault in it is reported, each
 * with file, line, what was expected and, for a misspelt name, what was probably meant.
 */
#pragma once

#include "base/arena.h"
#include "base/map.h"
#include "server/option.h"

#include <stdio.h>

/* What the configuration must know of a module. */
struct config_module {
	const char *name;
	const struct option
		*options; /* may be NULL; "enabled" is there for each and needs no entry */
	bool is_off_by_default;
	/*
	 * The module serves a domain of its own below each host: "rooms" for rooms.HOST. NULL:
	 * none. Its option "domain" (OPTION_TEXT), if not empty, is the domain's whole name
	 * instead.
	 */
	const char *subdomain;
};

/* A domain that a module serves. */
struct config_service {
	struct str name; /* prepared */
	const struct config_host *host;
	size_t module; /* index */
};

enum config_listener_type {
	LISTENER_C2S,
	LISTENER_C2S_TLS,
	LISTENER_COMPONENT,
	LISTENER_PROXY,
	LISTENER_S2S,
	LISTENER_S2S_TLS,
};
enum config_remote_tls { REMOTE_STARTTLS, REMOTE_DIRECT_TLS, REMOTE_TLS_OPTIONAL };
enum config_tristate { TRISTATE_INHERIT, TRISTATE_YES, TRISTATE_NO };
enum config_plaintext { PLAINTEXT_NEVER, PLAINTEXT_LOOPBACK, PLAINTEXT_ALWAYS };
enum config_conflict { CONFLICT_REPLACE_OLD, CONFLICT_REFUSE_NEW, CONFLICT_RENAME };
enum config_tls_version { CONFIG_TLS_1_2, CONFIG_TLS_1_3 };

struct config_listener {
	enum config_listener_type type;
	struct str address; /* numeric, or "*": all, of IPv4 and IPv6 */
	uint64_t port;      /* 0: any that is free (tests) */
	bool require_tls;   /* c2s: nothing but STARTTLS before encryption, but see the next */
	/* Peers that may send passwords, and log in at all, without encryption. */
	enum config_plaintext allow_plaintext_passwords;
};

/* XEP-0157 §3: the form's field is the name and "-addresses". */
enum config_contact {
	CONTACT_ABUSE,
	CONTACT_ADMIN,
	CONTACT_FEEDBACK,
	CONTACT_SALES,
	CONTACT_SECURITY,
	CONTACT_STATUS,
	CONTACT_SUPPORT,
	CONTACT_COUNT,
};

struct config_host {
	struct str name;             /* prepared (jid_prepare_domain) */
	size_t index;                /* in config->hosts */
	struct str certificate, key; /* PEM files; empty: see config_host_certificate */
	bool guests;                 /* SASL ANONYMOUS */
	bool registration;           /* XEP-0077: anyone may make an account */
	bool legacy_digest;          /* XEP-0078 digest: passwords are kept, encrypted */
	struct text_list admins;     /* bare JIDs, prepared */
	struct text_list contacts[CONTACT_COUNT]; /* URIs */
	struct str welcome;                       /* sent to new accounts; empty: nothing is */
	const struct option_values **modules;     /* by the module's index; see config_options */
};

/* XEP-0356 §4: what a component may do with accounts of this server. */
enum config_roster_access { ROSTER_NONE, ROSTER_GET, ROSTER_SET, ROSTER_BOTH };
enum config_presence_access { PRESENCE_NONE, PRESENCE_MANAGED_ENTITY, PRESENCE_ROSTER };

struct config_component {
	struct str name;          /* prepared: a domain */
	struct text_list aliases; /* the same: further domains of it */
	struct str secret;        /* XEP-0114 §3 */
	uint64_t queue_bytes;     /* that may wait for it */
	enum config_roster_access roster;
	enum config_presence_access presence;
	bool message;                    /* may send messages in the name of others */
	struct text_list iq_get, iq_set; /* namespaces of requests in accounts' names */
	struct text_list delegations;    /* namespaces that it answers for (XEP-0355) */
};

/* 0 switches a limit off. */
struct config_limits {
	uint64_t stanza_bytes, stanza_bytes_before_auth;
	uint64_t auth_timeout; /* ms, from the connection to the end of SASL and bind */
	uint64_t unauthenticated, unauthenticated_per_address; /* connections */
	uint64_t sessions_per_account;
	uint64_t outbound_queue_bytes;            /* of one session that does not read */
	uint64_t offline_messages, offline_bytes; /* of one account */
	uint64_t archive_bytes;                   /* of one account */
	uint64_t unacknowledged_stanzas;          /* of one session (XEP-0198) */
	uint64_t unwritten_bytes;                 /* of messages, of one worker */
	uint64_t roster_items;
	uint64_t directed_presence;            /* addresses of one session */
	uint64_t rate_bytes, rate_burst_bytes; /* of one session: per second, and saved up */
	uint64_t registrations_per_hour;       /* of one address */
	uint64_t login_failures_per_minute;    /* of one address */
};

struct config_tls {
	enum config_tls_version minimum_version;
	bool client_certificates; /* ask for them, for SASL EXTERNAL */
	struct str ca_file;       /* that they are checked against; empty: the system's */
};

struct config_sasl {
	struct text_list disabled; /* mechanism names, upper case */
	uint64_t scram_iterations;
	uint64_t fast_lifetime, fast_rotation; /* ms; XEP-0484 */
	uint64_t clients_keep;                 /* ms; XEP-0494 */
	bool clients_details;                  /* what a device calls itself is kept */
};

struct config_sessions {
	enum config_conflict conflict; /* two sessions want one resource */
	uint64_t silent_after;         /* ms without a byte from the client, then it is asked */
	uint64_t tcp_user_timeout;     /* ms that sent bytes may stay unacknowledged */
	uint64_t resume_timeout;       /* ms that a session waits for its client to resume it */
};

/* What holds for one remote domain alone. */
struct config_remote {
	struct str domain;  /* prepared */
	struct str address; /* numeric, instead of what DNS says; empty: DNS */
	uint64_t port;      /* at ADDRESS */
	enum config_remote_tls tls;
	enum config_tristate require_certificate;
};

struct config_s2s {               /* federation: RFC 6120 between servers */
	bool require_certificate; /* a valid one for the remote domain; else dialback will do */
	bool closed;              /* nobody but `allow` and the overrides */
	bool private_addresses;   /* whether DNS may lead to them (SEC-44) */
	bool bidi, stream_management, spool;
	struct text_list allow, deny; /* domains, prepared; each with its sub-domains */
	struct str dns_server;        /* address, or address@port; empty: the system's */
	struct str trust_anchor;      /* of DNSSEC; empty: none */
	struct str ca_file;           /* empty: the system's */
	uint64_t connect_timeout, request_timeout, spool_time, idle_timeout, silent_after; /* ms */
	uint64_t queue_bytes;      /* for one remote domain */
	uint64_t dials;            /* under way at a time, of one worker */
	uint64_t domains_per_hour; /* new ones that one account may make the server call */
	const struct config_remote *overrides;
	size_t override_count;
};

struct config {
	/* What the file says. Paths are absolute, or relative to the file's directory. */
	const struct config_host *hosts; /* at least one */
	size_t host_count;
	const struct config_listener *listeners;
	size_t listener_count;
	const struct config_component *components;
	size_t component_count;
	bool has_delegations; /* one of them has some */
	struct str data_directory, run_directory;
	struct str control_socket; /* a path */
	struct str control_group;  /* whose members may use it; empty: root and the server only */
	struct str certificate_directory; /* see config_host_certificate */
	uint64_t workers;                 /* never 0 here: "0" in the file is the number of cores */
	struct str log_level;             /* for log_level_parse */
	struct str user, group;           /* to become once ports are open; empty: stay */
	uint64_t shutdown_timeout;        /* ms for clients to take their last bytes */
	struct config_limits limits;
	struct config_tls tls;
	struct config_sasl sasl;
	struct config_sessions sessions;
	struct config_s2s s2s;
	struct str path; /* of the file */
	/* the rest is config.c's */
	struct arena *arena;
	struct map hosts_by_name;
	struct map services_by_name;
	struct map components_by_name; /* aliases too */
	_Atomic unsigned references;
	size_t module_count;
	const struct option_values **module_values; /* of the file, by the module's index */
};

/*
 * Reads the file at PATH. MODULES are all that this program has; NULL leaves the group "modules"
 * unchecked. Returns 0, or -1 with *ERRORS in ARENA: one line per fault, each with its line end.
 */
MUST_CHECK int config_load(const char *path, const struct config_module *modules,
			   size_t module_count, struct config **out, struct arena *arena,
			   struct str *errors);
/* The same from memory; PATH stands in the errors, and its directory is that of relative paths. */
MUST_CHECK int config_parse(struct str text, const char *path, const struct config_module *modules,
			    size_t module_count, struct config **out, struct arena *arena,
			    struct str *errors);

/*
 * The control socket's path by the file at PATH, whose other faults do not matter; the default when
 * it cannot be read at all. For recadoctl.
 */
struct str config_find_control_socket(const char *path, struct arena *arena);

/* Counted across threads. */
struct config *config_ref(struct config *config);
void config_unref(struct config *config); /* takes NULL */

/* The host of that (prepared) name, or NULL. */
const struct config_host *config_host(const struct config *config, struct str name);
/* What the file says of that (prepared) remote domain alone, or NULL. */
const struct config_remote *config_remote(const struct config *config, struct str domain);
/* The service of that (prepared) name, or NULL. */
const struct config_service *config_service(const struct config *config, struct str name);
/* The component that serves that (prepared) domain, or NULL. */
const struct config_component *config_component(const struct config *config, struct str name);
/* Whether HOST lists COMPONENT among its services: one below it, or one that is below no host. */
bool config_component_is_of(const struct config *config, const struct config_component *component,
			    const struct config_host *host);
/* The service of HOST's MODULE, or NULL when it is off or has none. */
const struct config_service *config_host_service(const struct config *config,
						 const struct config_host *host, size_t module);
/* Whether BARE, prepared, is an administrator of HOST. */
bool config_is_admin(const struct config_host *host, struct str bare);

/* HOST NULL: what holds where no host says otherwise. MODULE is an index into config_load's
 * MODULES. */
const struct option_values *config_options(const struct config *config,
					   const struct config_host *host, size_t module);
bool config_module_enabled(const struct option_values *values);

enum config_certificate {
	CERTIFICATE_NAMED,       /* the file's certificate and key */
	CERTIFICATE_FOUND,       /* in certificate_directory */
	CERTIFICATE_SELF_SIGNED, /* none: where the server's own is, or is to be made */
};
/*
 * Where HOST's certificate and key are: as configured; else NAME.crt and NAME.key, or
 * NAME/fullchain.pem and NAME/privkey.pem, in certificate_directory; else in data_directory.
 */
enum config_certificate config_host_certificate(const struct config *config,
						const struct config_host *host, struct arena *arena,
						const char **certificate, const char **key);

/*
 * What differs between OLD and NEW and takes effect only at the next start: names, separated by
 * ", ". Empty when a reload does all.
 */
struct str config_needs_restart(struct arena *arena, const struct config *old,
				const struct config *new);

/* The reference of all keys: doc/config.md in Markdown, or recado.conf(5) in mdoc. */
enum config_manual { MANUAL_MARKDOWN, MANUAL_MDOC };
void config_write_manual(FILE *out, enum config_manual format, const struct config_module *modules,
			 size_t module_count);

/* Whether LISTENER is for other servers; without one there is no federation. */
bool config_is_s2s(const struct config_listener *listener);
bool config_federates(const struct config *config);
const char *config_listener_name(enum config_listener_type type); /* "c2s-tls" */

const char *config_contact_name(enum config_contact contact); /* "abuse" */
