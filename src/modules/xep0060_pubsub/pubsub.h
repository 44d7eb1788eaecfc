/* SPDX-License-Identifier: MIT */
/*
 * pubsub.h - the core of publish-subscribe (XEP-0060), used by accounts (XEP-0163) and by the
 * service of a host.
 *
 * A site is an address that has nodes. Its nodes, who has to do with them, and an index of their
 * items are in memory, loaded when first needed; payloads are in the store. What changes state is
 * applied in memory at once and put into a commit; the answer, and the notifications, follow when
 * it is on the disk.
 *
 * Storage, of the site's owner: sets "pubsub" (node: its configuration), "pubsub-people" (node NUL
 * JID), "pubsub-index" and "pubsub-item" (node NUL item).
 */
#pragma once

#include "modules/xep0060_pubsub/config.h"
#include "server/module.h"

#define NS_PUBSUB "http://jabber.org/protocol/pubsub"
#define NS_PUBSUB_OWNER NS_PUBSUB "#owner"
#define NS_PUBSUB_EVENT NS_PUBSUB "#event"
#define NS_PUBSUB_ERRORS NS_PUBSUB "#errors"

#define PUBSUB_ID_MAX 1023u    /* bytes of a node's or an item's name */
#define PUBSUB_OVERHEAD 256u   /* bytes that an item, a person or a node costs besides its texts */
#define PUBSUB_BATCH_MAX 1000u /* items in one request */

enum affiliation { /* §4.1 */
		   AFFILIATION_NONE,
		   AFFILIATION_OUTCAST,
		   AFFILIATION_PUBLISH_ONLY,
		   AFFILIATION_MEMBER,
		   AFFILIATION_PUBLISHER,
		   AFFILIATION_OWNER,
		   AFFILIATION_COUNT,
};
enum subscription { SUBSCRIPTION_NONE, SUBSCRIPTION_PENDING, SUBSCRIPTION_SUBSCRIBED };

const char *node_affiliation_name(enum affiliation affiliation);
/* -1 when it is none. */
int node_affiliation_parse(struct str text, enum affiliation *out);
const char *subscription_name(enum subscription subscription);

struct person { /* who has an affiliation (a bare JID) or a subscription (any) */
	struct str jid;
	uint8_t affiliation, subscription;
	bool deliver; /* an option of the subscription (§16.4.2) */
	char text[];
};

struct item {
	struct link link; /* in node->order */
	struct str id, publisher;
	uint64_t sequence, at_us;
	uint32_t size; /* bytes of the payload */
	char text[];   /* of both */
};

struct node {
	struct site *site;
	struct str name;
	struct node_config *config; /* NULL: deleted, with REDIRECT to say where to */
	struct str creator;         /* a bare JID */
	struct str redirect;        /* a URI, or empty */
	uint64_t created_us;
	struct map people;  /* struct person by jid */
	struct map items;   /* struct item by id */
	struct link order;  /* the same, the oldest first */
	struct arena *home; /* of the texts above */
};

struct site_task { /* something that goes on once the site is loaded; stands in its owner */
	struct site_task *next;
	/* SITE is NULL when it will not be loaded any more. */
	void (*run)(struct site_task *task, struct site *site);
};

enum site_state { SITE_UNLOADED, SITE_LOADING, SITE_READY };

struct site {
	struct worker *worker;
	const struct module *module; /* whose options hold */
	struct account *account;     /* whose bare JID it is; NULL: a service */
	struct jid jid;
	enum site_state state;
	struct map nodes; /* struct node by name */
	uint64_t sequence;
	size_t bytes; /* of payloads, and the overhead */
	struct site_task *waiting, **last_waiting;
	unsigned waiting_count;
	struct map peers; /* of an account: peers.h */
	char text[];      /* of jid */
};

/* site.c */
struct site *site_new(struct worker *worker, const struct module *module, struct jid jid,
		      struct account *account);
void site_free(struct site *site); /* takes NULL */
/* Loads SITE if need be, then runs TASK: at once if it is loaded. False: too many wait. */
bool site_when_ready(struct site *site, struct site_task *task);
/* What is in memory is not what is on the disk: it is loaded anew when next needed. */
void site_forget(struct site *site);
const struct option_values *site_options(const struct site *site);
const struct config_host *site_host(const struct site *site);
static inline enum config_place
site_place(const struct site *site)
{
	return site->account != NULL ? PLACE_ACCOUNT : PLACE_SERVICE;
}
/* Of the store's keys: NODE NUL NAME. */
struct str site_key(struct arena *arena, struct str node, struct str name);

/* node.c: all in memory alone; the caller puts it into a commit. */
struct node *site_node(const struct site *site, struct str name); /* NULL, also when deleted */
struct node *node_new(struct site *site, struct str name, struct str creator, uint64_t created_us,
		      struct node_config *config);
void node_free(struct node *node); /* out of its site, too */
struct person *node_person(const struct node *node, struct str jid);
struct person *node_make_person(struct node *node, struct str jid);
void node_remove_person(struct node *node, struct person *person);
struct item *node_item(const struct node *node, struct str id);
/* The newest; one of that ID gives way. */
struct item *node_add_item(struct node *node, struct str id, struct str publisher, uint64_t at_us,
			   uint32_t size);
void node_remove_item(struct node *node, struct item *item);
static inline struct item *
node_oldest(const struct node *node)
{
	return LIST_FIRST(&node->order, struct item, link);
}
static inline struct item *
node_newest(const struct node *node)
{
	return list_is_empty(&node->order) ? NULL : CONTAINER(node->order.prev, struct item, link);
}
/* How many items it may hold. */
uint32_t node_capacity(const struct node *node);

/* access.c: who may do what (§4.1, §4.5, SEC-53). */
enum access {
	ACCESS_ALLOWED,
	ACCESS_NEEDS_APPROVAL,    /* MODEL_AUTHORIZE: not subscribed yet */
	ACCESS_PRESENCE_REQUIRED, /* MODEL_PRESENCE: sees no presence */
	ACCESS_NOT_IN_GROUP,      /* MODEL_ROSTER */
	ACCESS_CLOSED,            /* MODEL_WHITELIST */
	ACCESS_BLOCKED,           /* by affiliation */
};
enum relation { /* of somebody to a site's owner */
		RELATION_STRANGER,
		RELATION_CONTACT, /* may see the owner's presence */
		RELATION_GROUP,   /* and is in one of the node's groups */
		RELATION_COUNT,
};
/* The rule itself. */
enum access access_rule(enum access_model model, enum affiliation affiliation,
			enum relation relation, bool is_subscribed);
/* Whether WHO (bare) may retrieve items of NODE, and be notified; it may subscribe, too, or ask to
 * when it NEEDS_APPROVAL. */
enum access node_access(const struct node *node, struct str who);
enum affiliation node_affiliation(const struct node *node, struct str who);
bool node_may_publish(const struct node *node, struct str who);
/* Whether WHO (bare) is subscribed, with that address or one of its resources. */
bool node_is_subscriber(const struct node *node, struct str who);
static inline bool
node_is_owner(const struct node *node, struct str who)
{
	return node_affiliation(node, who) == AFFILIATION_OWNER;
}
/* Whether WHO may make nodes at SITE. */
bool site_may_create(const struct site *site, const struct stanza *request);

/* request.c: an iq that is being answered. */
struct request {
	struct site_task task;
	struct site *site;
	struct held_iq *held;             /* NULL once it is answered */
	struct arena *arena;              /* held->arena */
	struct stanza *iq;                /* held->iq */
	struct str who;                   /* who asks, bare */
	struct element *payload, *action; /* <pubsub/>, and its first child */
	struct str node;                  /* of the action; p NULL: none */
};

/* Takes an iq of NS_PUBSUB or NS_PUBSUB_OWNER, or disco of the site. Always DONE or a refusal. */
enum verdict request_take(struct event *ev, struct site *site,
			  void (*run)(struct request *request));
/* The table of actions. */
void request_run_pubsub(struct request *request);
/* These answer, and free REQUEST. PAYLOAD NULL: an empty result. */
void request_reply(struct request *request, struct element *payload);
/* <pubsub xmlns=NS>INNER</pubsub>. */
void request_reply_text(struct request *request, const char *ns, struct str inner);
void request_refuse(struct request *request, enum stanza_condition condition, const char *specific);
void request_refuse_text(struct request *request, enum stanza_condition condition,
			 const char *text);
/* <feature-not-implemented/>, <unsupported feature='...'/> */
void request_unsupported(struct request *request, const char *feature);
void request_refuse_access(struct request *request, enum access access);
void request_refuse_config(struct request *request, enum config_fault fault);
/* Errors that list what was not done (§8.8.2.4, §8.9.2.4). */
void request_refuse_with(struct request *request, enum stanza_condition condition,
			 struct element *payload);
/* The action's node, or NULL after a refusal. */
struct node *request_node(struct request *request);
struct node *request_own_node(struct request *request); /* the same, for an owner */

/* notify.c: a notification on its way. */
struct notice;
/*
 * Of NODE as it is now, to those who may hear of it now. INNER, the content of <event/>, is copied.
 * ALL: to pending subscribers too. NULL when nobody wants to know.
 */
struct notice *notice_new(const struct node *node, struct str inner, bool all);
void notice_send(struct site *site, struct notice *notice); /* frees it */
void notice_free(struct notice *notice);                    /* takes NULL */
/* <items node='NODE'>INNER</items> */
struct str notice_items(struct arena *arena, struct str node, struct str inner);
/* "<item id='..' publisher='..'>PAYLOAD</item>"; PAYLOAD may be empty. */
void item_write(struct buf *out, const struct node *node, const struct item *item,
		struct str payload);
/* To one address. NODE's last item, if TO (bare: WHO) may have it; the payload is read first. */
void node_send_last(const struct node *node, struct jid to);
/* The state of a subscription, told to the one concerned (§12.11), or to TO. */
void notify_subscription(struct site *site, struct str node, const struct person *person);
void notify_subscription_to(struct site *site, struct str node, const struct person *person,
			    struct jid to);
struct str event_text(struct arena *arena, struct str inner);

/* commit.c: one request to the store. */
struct commit;
/* REQUEST (may be NULL) is answered by it. */
struct commit *commit_new(struct site *site, struct request *request);
struct arena *commit_arena(struct commit *commit);
void commit_node(struct commit *commit, const struct node *node);
void commit_no_node(struct commit *commit, const struct node *node); /* with all that is in it */
void commit_person(struct commit *commit, const struct node *node, const struct person *person);
void commit_no_person(struct commit *commit, const struct node *node, struct str jid);
void commit_item(struct commit *commit, const struct node *node, const struct item *item,
		 struct str payload);
void commit_no_item(struct commit *commit, const struct node *node, struct str id);
/* Something else of the site's owner. */
void commit_set(struct commit *commit, const char *set, struct str key, struct str value);
void commit_notice(struct commit *commit, struct notice *notice); /* takes it; may be NULL */
/* RUN(SITE, ARG) once it is on the disk; ARG lives as long, in the
 * commit's arena or elsewhere. */
void commit_then(struct commit *commit, void (*run)(struct site *site, void *arg), void *arg);
/* RUN(SITE, commit_then's ARG) when it cannot be put on the disk. */
void commit_else(struct commit *commit, void (*run)(struct site *site, void *arg));
/* Nothing was put into it. */
void commit_drop(struct commit *commit);
/* PAYLOAD lives in the request's arena. */
void commit_submit(struct commit *commit, struct element *payload);
/* The same; but then the request is refused, for not all of it was done. */
void commit_submit_failed(struct commit *commit, enum stanza_condition condition,
			  struct element *payload);

/* publish.c */
struct publication {   /* an item to be published */
	struct str id; /* p NULL: one is made */
	struct str payload;
	struct str publisher;
};
/* Puts them into NODE and COMMIT, with notifications. Ids are set. They are known to fit. */
void node_publish(struct node *node, struct commit *commit, struct publication *items,
		  size_t count);
void node_retract(struct node *node, struct commit *commit, const struct str *ids, size_t count,
		  bool notify);
/* owner.c: ends NODE, in COMMIT and in memory. URI: of what has its place now, or empty. */
void node_delete(struct node *node, struct commit *commit, struct str uri);
/* Drops what is too old (pubsub#item_expire). */
void node_expire(struct node *node);
/* A new node in COMMIT. CONFIG is taken over. */
struct node *site_create(struct site *site, struct commit *commit, struct str name,
			 struct str creator, struct node_config *config);
/* Whether one more node, or BYTES more, fit the quota (SEC-23). */
bool site_has_room_for_node(const struct site *site);
bool site_has_room(const struct site *site, size_t bytes);
