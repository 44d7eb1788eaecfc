/* SPDX-License-Identifier: MIT */
/*
 * commands.h - ad-hoc commands (XEP-0050): what a module must say of one of its own, in
 * struct module.commands.
 *
 * A command has so many stages, each a form that is filled in; then it is carried out. Between the
 * stages stands a session, whose id nobody else can guess, and which ends by itself when nothing
 * comes for a while. What is required in a form, and which options a list has, is checked before
 * the command sees what was filled in.
 */
#pragma once

#include "server/module.h"
#include "xmpp/xep/forms.h"

#define NS_COMMANDS "http://jabber.org/protocol/commands"
#define COMMAND_STAGES_MAX 4u

struct command_call;

struct command { /* a table of them ends with a node that is NULL */
	const char *node, *name;
	bool is_for_admins;
	unsigned stages;
	/*
	 * Both answer, once, at once or later, with a function from below. ASK makes the form of
	 * call->stage; the forms before it are there. RUN has all of them.
	 */
	void (*ask)(struct command_call *call);
	void (*run)(struct command_call *call);
	/* Not listed, and refused with this to whoever may ask: nobody can have it. */
	enum stanza_condition omitted;
	const char *why_omitted;
};

struct command_call {
	const struct command *command;
	struct worker *worker;
	struct arena *arena;                    /* lives as long as the session */
	struct jid from, to;                    /* who asks, which host */
	unsigned stage;                         /* which is asked for */
	struct form *forms[COMMAND_STAGES_MAX]; /* what was filled in; NULL: not yet */
	void *data;                             /* the command's own */
	struct held_iq *held;                   /* the request that is to be answered */
	/* the rest is xep0050_commands.c's */
	struct link link;
	struct str id;
	struct element *asked; /* the form of this stage, as it was sent */
	struct element *notes;
	unsigned previous; /* the stage to stay in when the form was filled in badly */
	uint64_t used_ms;
};

/* A form, of kind FORM_ASK and in call->arena, to fill in. For ASK. */
void command_ask(struct command_call *call, struct element *form);
/* Carried out, with results (FORM_RESULT) or (NULL) without. These and the next end the session. */
void command_done(struct command_call *call, struct element *form);
void command_refuse(struct command_call *call, enum stanza_condition condition, const char *text);
/* What was filled in cannot be: the stage goes on, and the client may try again (§4.4). */
void command_bad_payload(struct command_call *call, const char *text);
/* Adds a note to the answer that comes next; TYPE is "info", "warn" or "error". */
void command_note(struct command_call *call, const char *type, struct str text);
/* The host that is administered, or NULL: it is not served any more. */
const struct config_host *command_host(const struct command_call *call);
