/* SPDX-License-Identifier: MIT */
/*
 * config.h - a room's configuration (XEP-0045 §10.2, §15.5.3): the fields, as a form and as text.
 *
 * One table has them all; the form, its reading and the text in the store are made from it.
 */
#pragma once

#include "modules/xep0045_muc/permission.h"
#include "server/option.h"
#include "xmpp/xep/forms.h"

enum room_registration { REGISTER_OPEN, REGISTER_APPROVED, REGISTER_CLOSED };

struct room_config {
	struct str name, description, lang, password, pubsub; /* owned; see room_config_free */
	bool is_persistent, is_public, is_members_only, is_moderated, is_password_protected;
	bool is_anonymous; /* semi-anonymous: only moderators see JIDs */
	bool is_logged;    /* enablelogging: readers are warned (code 170) */
	bool is_archived;
	bool members_may_invite, occupants_may_change_subject;
	bool takes_voice_requests;
	bool locks_nicks;          /* to the registered ones */
	uint64_t registration;     /* enum room_registration */
	uint64_t private_messages; /* enum role, the least; ROLE_COUNT: nobody */
	uint64_t max_occupants;    /* 0: as many as the service allows */
	uint64_t history;
	uint64_t shown_roles, member_list_roles; /* bits, 1 << role */
};

/* What new rooms have, by the module's options. */
void room_config_default(struct room_config *config, const struct option_values *options);
void room_config_free(struct room_config *config);
struct permission_rules room_config_rules(const struct room_config *config);

/* The fields with their values, added to the form X. SERVICE_MAX: occupants a room may have. */
void room_config_add_fields(struct arena *arena, struct element *x,
			    const struct room_config *config, uint64_t service_max);
/*
 * CONFIG with what FORM says; fields that it lacks stay. Returns 0, or -1 with *WHY, and CONFIG as
 * it was: <not-acceptable/>. *OUT is to be freed.
 */
MUST_CHECK int room_config_read(const struct room_config *config, const struct form *form,
				uint64_t service_max, struct room_config *out, const char **why);

/* As text, a line a field, and from it; what the text lacks stays as it is in CONFIG. */
struct str room_config_text(struct arena *arena, const struct room_config *config);
void room_config_parse(struct str text, struct room_config *config);
