/* SPDX-License-Identifier: MIT */
/*
 * config.h - how a node is configured (XEP-0060 §16.4.4, pubsub#node_config): defaults, the forms,
 * and preconditions of a publication.
 *
 * A configuration is not changed once it is a node's: another one takes its place, so that what is
 * under way goes by the one under which it began.
 */
#pragma once

#include "xmpp/xep/forms.h"

#define FORM_AUTHORIZE "http://jabber.org/protocol/pubsub#subscribe_authorization"
#define FORM_NODE_CONFIG "http://jabber.org/protocol/pubsub#node_config"
#define FORM_PUBLISH_OPTIONS "http://jabber.org/protocol/pubsub#publish-options"
#define FORM_META_DATA "http://jabber.org/protocol/pubsub#meta-data"

#define CONFIG_MAX UINT32_MAX /* "max": as much as the server allows */

enum access_model {
	MODEL_OPEN,
	MODEL_PRESENCE,
	MODEL_ROSTER,
	MODEL_AUTHORIZE,
	MODEL_WHITELIST,
	MODEL_COUNT,
};
enum publish_model { PUBLISH_PUBLISHERS, PUBLISH_SUBSCRIBERS, PUBLISH_OPEN };
enum send_last { LAST_NEVER, LAST_ON_SUB, LAST_ON_SUB_AND_PRESENCE };
enum node_full { FULL_RETRACT_OLDEST, FULL_DISCARD_OLDEST, FULL_REJECT };
enum item_reply { REPLY_NONE, REPLY_PUBLISHER, REPLY_OWNER };
enum notification_type { NOTIFY_HEADLINE, NOTIFY_NORMAL };

struct config_texts {
	struct str *items;
	size_t count;
};

struct node_config {
	unsigned references; /* all on one worker */
	struct arena *arena; /* holds all of it, itself too */
	uint8_t access_model, publish_model, send_last, node_full, item_reply, notification_type;
	uint8_t node_type; /* "leaf" alone */
	bool deliver_notifications, deliver_payloads, persist_items, allows_subscriptions;
	bool notify_config, notify_delete, notify_retract, notify_subscriptions;
	uint32_t max_items;   /* at least 1, or CONFIG_MAX */
	uint32_t max_payload; /* bytes, or CONFIG_MAX */
	uint32_t item_expire; /* seconds, or CONFIG_MAX: never */
	struct str title, description, language, type;
	struct config_texts groups;   /* of the roster, for MODEL_ROSTER */
	struct config_texts contacts; /* JIDs */
};

/* Where a node is: it decides on defaults, and on what there is to choose. */
enum config_place { PLACE_ACCOUNT, PLACE_SERVICE };

struct node_config *node_config_default(enum config_place place);
struct node_config *node_config_ref(struct node_config *config);
void node_config_unref(struct node_config *config); /* takes NULL */

enum config_fault {
	CONFIG_OK,
	CONFIG_BAD_VALUE,    /* <not-acceptable/> */
	CONFIG_ACCESS_MODEL, /* <not-acceptable/> and <unsupported-access-model/> */
	CONFIG_UNKNOWN,      /* a field that there is not */
};
/*
 * OLD with what FORM says; one reference, in *OUT. Fields that there are not are left out of
 * account unless IS_STRICT.
 */
enum config_fault node_config_apply(const struct node_config *old, const struct form *form,
				    enum config_place place, bool is_strict,
				    struct node_config **out);
/* Whether each field of FORM, and there are no others, says what CONFIG says (§7.1.5). */
bool node_config_meets(const struct node_config *config, const struct form *form,
		       enum config_place place);

/* All fields, for an owner (FORM_ASK) or all who may know (FORM_RESULT). */
struct element *node_config_form(struct arena *arena, const struct node_config *config,
				 enum form_kind kind, enum config_place place);
/* Adds those that describe the node (FORM_META_DATA). */
void node_config_add_meta(struct arena *arena, struct element *x, const struct node_config *config);
const char *access_model_name(enum access_model model);
