/* SPDX-License-Identifier: MIT */
/*
 * module.h - what a module is made of, and what its handlers may call.
 *
 * A module is one const table; src/modules/modules.c lists them all. Disco, doap.xml and the
 * configuration manual are made from the tables. Order comes from the stage, then from that list.
 *
 * Handlers run on the worker that owns the account, its state loaded. They do not block, take no
 * lock and keep nothing static. Slow work is a store request (store/store.h) whose `done` runs on
 * the same worker: hold the iq with event_hold meanwhile.
 */
#pragma once

#include "server/account.h"
#include "server/login.h"
#include "server/option.h"
#include "server/route.h"
#include "server/session.h"
#include "store/store.h"
#include "xmpp/ns.h"
#include "xmpp/stanza.h"
#include "xmpp/xml_writer.h"

struct command;
struct control_command;
struct portable;

enum verdict {
	PASS,    /* to the next handler */
	DONE,    /* handled: nobody else sees it */
	REFUSED, /* by event_refuse */
};

enum point {
	POINT_FROM_CLIENT, /* a stanza of a session, `from` stamped; it may still be edited in MARK
			    */
	POINT_TO_ACCOUNT,  /* a stanza to an account that is loaded */
	POINT_TO_SESSION,  /* about to be written to one session, whose client is inactive */
	POINT_TO_REMOTE,   /* to a domain that is not ours */
	POINT_SESSION_BOUND,    /* a resource was bound; no stanza */
	POINT_SESSION_DETACHED, /* its connection is lost, and its client may come back (XEP-0198);
				   no stanza */
	POINT_SESSION_RESUMED,  /* its client came back (XEP-0198); no stanza */
	POINT_SESSION_CLOSED, /* a session is about to end; no stanza; it can still be looked at */
	POINT_SESSION_SILENT, /* nothing came from it for `silent_after`; no stanza */
	POINT_PRESENCE,       /* a session's own broadcast presence, available or unavailable */
	POINT_MESSAGE_SENT,   /* a message of a session is with whom it is for; by stanza_number */
	POINT_MESSAGE_STORED, /* a message is in the account's log, as entry_id; see message_log.h
			       */
	POINT_MESSAGE_WAITED, /* entry_id of the account's log, of ev->contact (full), is about to
				 be given to the session; DONE: it is not, and counts as had; no
				 stanza */
	POINT_IQ,             /* a request that the server or an account is to answer; only when
				 there are delegations (config_component) */
	POINT_COMPONENT,      /* a component has connected; no stanza */
	POINT_FROM_COMPONENT, /* a stanza of a component, which may use its `from` */
	POINT_SESSION_FEATURES, /* session->features has changed (XEP-0115); no stanza */
	POINT_CONTACT_ADDED,    /* ev->contact may see the account's presence; no stanza */
	POINT_PATH_LOST, /* the connection for the domain ev->contact, see path.h; no stanza */
	POINT_ACCOUNT_REMOVED, /* everything stored of it is gone; no stanza, no session */
	POINT_COUNT,
};

enum stage {
	STAGE_CHECK, /* may refuse */
	STAGE_MARK,  /* the last that may edit */
	STAGE_STORE,
	STAGE_COPY,
	STAGE_HANDLE, /* answers, delivers */
	STAGE_COUNT,
};

/* One thing that happens, while handlers look at it. */
struct event {
	struct worker *worker;
	struct arena *arena;   /* scratch, gone when the event is over */
	struct stanza *stanza; /* or NULL; borrowed */
	struct session
		*session; /* the sender's at FROM_CLIENT and after, else the recipient's, or NULL */
	struct account
		*account; /* the one concerned, or NULL (an iq to the server from elsewhere) */
	const struct overlay *overlay;  /* TO_SESSION: how it is written; or NULL */
	const struct config_host *host; /* of ACCOUNT, or the server that is addressed */
	const struct config_service
		*service; /* that is addressed, at a service's take; else NULL */
	const struct config_component *component; /* COMPONENT, FROM_COMPONENT */
	const struct module *module;              /* whose handler runs */
	struct str contact; /* a JID, at CONTACT_ADDED, MESSAGE_WAITED, PATH_LOST */
	enum stanza_condition refusal;
	const char *refusal_text;
	uint32_t stanza_number; /* MESSAGE_SENT: of the stanza on its session's stream (XEP-0198) */
	uint64_t entry_id;      /* MESSAGE_STORED, MESSAGE_WAITED */
	unsigned entry_flags;   /* MESSAGE_STORED: ENTRY_SENT, ENTRY_HIDDEN */
};

struct hook {
	enum point point;
	enum stage stage;
	enum verdict (*run)(struct event *ev);
};

enum iq_target {
	TO_SERVER = 1,      /* the host's own address */
	TO_OWN_ACCOUNT = 2, /* the sender's bare JID, or no `to` at all */
	TO_ACCOUNT = 4,     /* another account's bare JID; ev->account is the one addressed */
	TO_NOBODY = 8,      /* a bare JID that is no account's; ev->account is NULL */
};

struct iq_handler {
	enum stanza_type type; /* IQ_GET or IQ_SET */
	unsigned targets;
	const char *ns, *name;
	enum verdict (*run)(struct event *ev); /* replies, holds, or refuses */
};

/*
 * An element that is no stanza, from a client that has logged in (RFC 6120 §4.9.3.24), such as
 * those of XEP-0198 and XEP-0352. Nobody answers for RUN: it writes what there is to say itself.
 * EL lives as long as the call; ev->session and ev->account are NULL while no resource is bound.
 * DONE, or PASS for one that may not come now: that ends the stream as an unknown one does.
 */
struct nonza_handler {
	const char *ns, *name;
	enum verdict (*run)(struct event *ev, struct c2s *c2s, struct element *el);
};

enum spec_status { SPEC_PARTIAL, SPEC_COMPLETE };

struct spec {                /* one document; a module may have several */
	const char *name;    /* "XEP-0199", "RFC 6121" */
	const char *version; /* of the document; NULL for RFCs */
	enum spec_status status;
	const char *note;
};

struct module {
	const char *name; /* of the group in the configuration */
	const struct spec *specs;
	const char *const *features;         /* in the server's disco#info (XEP-0030) */
	const char *const *account_features; /* in that of an account's bare JID */
	const struct option *options;
	const struct iq_handler *iqs;
	const struct hook *hooks;
	const struct nonza_handler *nonzas;
	const struct inline_feature *inline_features; /* see login.h */
	/* Adds to the stream features after binding, within <stream:features/> (XEP-0170 order). */
	void (*stream_features)(struct worker *worker, const struct config_host *host,
				const struct option_values *options, bool is_authenticated,
				struct buf *out);
	/* Whether they still apply to a session that Bind 2 has just bound; NULL: they do. */
	bool (*offers_features)(const struct session *session);
	/*
	 * An iq from a client that has not logged in (XEP-0077). Returns whether it is this
	 * module's; it then answers with c2s_send, at once or, after c2s_hold, later.
	 */
	bool (*stream_iq)(struct c2s *c2s, const struct config_host *host,
			  const struct option_values *options, struct stanza *iq);
	/* Adds items or forms to disco#info of the host; QUERY is the <query/>. */
	void (*disco_info)(struct event *ev, struct element *query);
	/* The same for an account's bare JID: ev->account's. */
	void (*account_info)(struct event *ev, struct element *query);
	/* Answers disco#items of an account, or disco#info with a node; or PASS. */
	enum verdict (*account_disco)(struct event *ev);
	/*
	 * A domain of its own below each host (see config_module.subdomain), named in the host's
	 * disco#items. TAKE gets what is sent to the domain or to an address at it, on the home
	 * worker of the bare JID; stanzas of one sender to one address come in order. It answers,
	 * returns DONE, or refuses; PASS is <service-unavailable/>.
	 */
	const char *subdomain;
	enum verdict (*take)(struct event *ev);
	/*
	 * What the module keeps with each account in memory (account_extra.h). A set of that name
	 * is loaded with the account; ACCOUNT_LOADED makes the state of its items, of which there
	 * are some. Whoever keeps a state has ACCOUNT_FREE.
	 */
	const char *account_set;
	void *(*account_loaded)(struct account *account, const struct store_item *items);
	void (*account_free)(void *state);
	/* Commands of the control socket (control.h), or NULL; their owner is admin_private.h's. */
	const struct control_command *controls;
	/* Ad-hoc commands of the host (modules/commands.h), or NULL. */
	const struct command *commands;
	/* What accounts take along to other servers (portable.h), or NULL. */
	const struct portable *portables;
	/* Once a second, on each worker. */
	void (*tick)(struct worker *worker);
	/* The configuration was changed, from OLD to worker->config; on each worker. */
	void (*reloaded)(struct worker *worker, const struct config *old);
	/* Takes over a socket of a listener of the type `proxy`; of one module. */
	void (*accept)(struct worker *worker, int fd);
	/* State per worker, zeroed, got by module_state. */
	size_t state_size;
	/* When WORKER has been made; others may not be there yet: for setting timers. */
	void (*start)(struct worker *worker);
	void (*state_free)(void *state);
	bool is_off_by_default;
};

/* Tables end with a zeroed row. */
#define SPECS(...) ((const struct spec[]){__VA_ARGS__, {0}})
#define FEATURES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define OPTIONS(...) ((const struct option[]){__VA_ARGS__, {0}})
#define IQS(...) ((const struct iq_handler[]){__VA_ARGS__, {0}})
#define HOOKS(...) ((const struct hook[]){__VA_ARGS__, {0}})
#define NONZAS(...) ((const struct nonza_handler[]){__VA_ARGS__, {0}})

/* All of them, in order; ends with NULL (src/modules/modules.c). */
extern const struct module *const modules[];

/* Of the module whose handler runs, for the event's host. */
const struct option_values *event_options(const struct event *ev);
void *module_state(struct worker *worker, const struct module *module);

/* Answers: a result with PAYLOAD (built in ev->arena; NULL: empty), or a refusal. */
void event_reply(struct event *ev, struct element *payload);
enum verdict event_refuse(struct event *ev, enum stanza_condition condition);
enum verdict event_refuse_text(struct event *ev, enum stanza_condition condition, const char *text);
/* The payload of the event's iq: its one child element. */
struct element *event_payload(const struct event *ev);
/* Whether the stanza's sender is an administrator of the event's host. */
bool event_is_from_admin(const struct event *ev);
/* The sender's session if it is on this worker, else NULL. */
struct session *event_sender(const struct event *ev);

/* An iq that is answered later. Return DONE after event_hold. */
struct held_iq {
	struct worker *worker;
	struct arena *arena; /* for the answer */
	struct stanza *iq;
};
struct held_iq *event_hold(struct event *ev);
/* These free HELD. PAYLOAD NULL: an empty result. */
void held_reply(struct held_iq *held, struct element *payload);
/* Without an answer: the caller gave it otherwise. */
void held_drop(struct held_iq *held);
void held_refuse(struct held_iq *held, enum stanza_condition condition, const char *text);

/* Runs the handlers of POINT. Returns the first verdict that is not PASS. */
enum verdict hooks_run(enum point point, struct event *ev);
/* The table of iq handlers, and disco. Returns PASS when nobody handles it. */
enum verdict iq_dispatch(struct event *ev, enum iq_target target);
/* The table of elements that are no stanzas. PASS when nobody handles EL now. */
enum verdict nonza_dispatch(struct c2s *c2s, struct element *el);
/* Builds the tables from modules[]; once, before any worker. Aborts on a table that contradicts
 * itself. */
void modules_init(void);
size_t module_index(const struct module *module);
size_t module_count(void);
/* For `recadod --hooks`. */
void hooks_print(void);
/* Rows for config_load. */
const struct config_module *modules_for_config(size_t *count);
