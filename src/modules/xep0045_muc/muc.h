/* SPDX-License-Identifier: MIT */
/* muc.h - the names that all of the module share (XEP-0045). */
#pragma once

#include "server/module.h"

#define NS_MUC "http://jabber.org/protocol/muc"
#define NS_MUC_USER NS_MUC "#user"
#define NS_MUC_ADMIN NS_MUC "#admin"
#define NS_MUC_OWNER NS_MUC "#owner"
#define NS_MUC_ROOMCONFIG NS_MUC "#roomconfig"
#define NS_MUC_ROOMINFO NS_MUC "#roominfo"
#define NS_MUC_REGISTER NS_MUC "#register"
#define NS_MUC_REQUEST NS_MUC "#request"
#define NS_MUC_UNIQUE NS_MUC "#unique"
#define NS_OCCUPANT_ID "urn:xmpp:occupant-id:0"
#define NS_SID "urn:xmpp:sid:0"
#define NS_HATS "urn:xmpp:hats:0"
#define NS_HINTS "urn:xmpp:hints"
#define NS_PING "urn:xmpp:ping"
#define NS_REGISTER "jabber:iq:register"
#define NS_CONFERENCE "jabber:x:conference"
#define NS_RETRACT "urn:xmpp:message-retract:1"
#define NS_RETRACT_0 "urn:xmpp:message-retract:0"
#define NS_MODERATE "urn:xmpp:message-moderate:1"
#define NS_MODERATE_0 "urn:xmpp:message-moderate:0"
#define NS_FASTEN "urn:xmpp:fasten:0"
#define NS_VCARD "vcard-temp"
#define NS_COMMANDS "http://jabber.org/protocol/commands"

/* Status codes, §11 and the registry. */
enum {
	STATUS_JIDS_VISIBLE = 100,
	STATUS_AFFILIATION_CHANGED = 101,
	STATUS_CONFIG_CHANGED = 104,
	STATUS_SELF = 110,
	STATUS_LOGGED = 170,
	STATUS_NOT_LOGGED = 171,
	STATUS_NON_ANONYMOUS = 172,
	STATUS_SEMI_ANONYMOUS = 173,
	STATUS_CREATED = 201,
	STATUS_NICK_CHANGED_BY_ROOM = 210,
	STATUS_BANNED = 301,
	STATUS_NEW_NICK = 303,
	STATUS_KICKED = 307,
	STATUS_AFFILIATION_LOST = 321,
	STATUS_MEMBERS_ONLY = 322,
	STATUS_TECHNICAL = 333,
};

extern const struct module xep0045_muc;

/* The first child of that NAME in the stanza's own namespace. */
static inline struct element *
stanza_child(const struct stanza *stanza, const char *name)
{
	return element_child(stanza->el, str_is(stanza->el->ns, NS_SERVER) ? NS_SERVER : NS_CLIENT,
			     name);
}
