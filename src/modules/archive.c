/* SPDX-License-Identifier: MIT */
/* archive.c - what messages are worth: the rules in one place (see archive.h). */
#include "modules/archive.h"

#include "modules/mam_query.h"
#include "server/roster.h"
#include "xmpp/xep/forward.h"
#include "xmpp/xep/hints.h"

#define NS_MUC_USER "http://jabber.org/protocol/muc#user"

/* Without a body, but a part of the conversation. */
static const struct {
	const char *ns, *name; /* NULL: any */
} parts[] = {
	{"urn:xmpp:receipts", "received"},               /* XEP-0184 */
	{"urn:xmpp:chat-markers:0", NULL},               /* XEP-0333 */
	{"urn:xmpp:reactions:0", NULL},                  /* XEP-0444 */
	{"urn:xmpp:message-retract:1", NULL},            /* XEP-0424 */
	{"urn:xmpp:message-correct:0", NULL},            /* XEP-0308 */
	{"urn:xmpp:jingle-message:0", NULL},             /* XEP-0353 */
	{"urn:xmpp:jingle-message:1", NULL},             /* XEP-0353 */
	{"urn:xmpp:call-invites:0", NULL},               /* XEP-0482 */
	{"urn:xmpp:eme:0", NULL},                        /* XEP-0380 */
	{"eu.siacs.conversations.axolotl", "encrypted"}, /* XEP-0384 */
	{"urn:xmpp:omemo:2", "encrypted"},               /* XEP-0384 */
	{"urn:xmpp:openpgp:0", NULL},                    /* XEP-0373 */
	{"jabber:x:encrypted", NULL},                    /* XEP-0027 */
	{"jabber:x:conference", NULL},                   /* XEP-0249 */
	{NS_MUC_USER, NULL},                             /* invitations */
};

/* About the moment. */
static const char *const passing[] = {
	"http://jabber.org/protocol/chatstates", /* XEP-0085 */
	NS_HINTS,
};

static bool
is_part(const struct element *el)
{
	for (size_t i = 0; i < COUNT(parts); i++)
		if (str_is(el->ns, parts[i].ns) &&
		    (parts[i].name == NULL || str_is(el->name, parts[i].name)))
			return true;
	return false;
}

static bool
is_passing(const struct element *el)
{
	for (size_t i = 0; i < COUNT(passing); i++)
		if (str_is(el->ns, passing[i]))
			return true;
	return str_is(el->name, "thread") && str_is(el->ns, NS_CLIENT);
}

/* What the content says, of messages whose type may be kept. */
static enum archive_keep
content(const struct stanza *message)
{
	const struct element *el = element_child(message->el, NULL, NULL);
	unsigned hints = hints_of(message->el);
	enum archive_keep keep = KEEP_NOT;

	/* What an archive is asked for does not go into another one. */
	if ((hints & HINT_NO_STORE) != 0 || element_child(message->el, NS_MAM, "result") != NULL)
		return KEEP_NOT;
	if ((hints & HINT_NO_PERMANENT_STORE) != 0)
		keep = KEEP_HIDDEN;
	else if ((hints & HINT_STORE) != 0 ||
		 element_child(message->el, NS_CLIENT, "body") != NULL ||
		 element_child(message->el, NS_SERVER, "body") != NULL)
		return KEEP_ARCHIVED;
	for (; el != NULL; el = element_next(el, NULL, NULL)) {
		if (keep == KEEP_NOT && is_part(el))
			return KEEP_ARCHIVED;
		if (!is_passing(el))
			keep = KEEP_HIDDEN;
	}
	return keep;
}

extern const struct module xep0313_mam;

static bool
has_archive(const struct account *account)
{
	const struct config_host *host = worker_host(account->worker, account->jid.domain);

	return host != NULL && config_module_enabled(config_options(account->worker->config, host,
								    module_index(&xep0313_mam)));
}

enum archive_keep
archive_keep(const struct account *account, const struct stanza *message, bool is_sent)
{
	enum archive_keep keep;

	if (account->is_guest || (message->type != MESSAGE_CHAT && message->type != MESSAGE_NORMAL))
		return KEEP_NOT;
	keep = content(message);
	if (keep == KEEP_ARCHIVED &&
	    (!has_archive(account) ||
	     !archive_wants(account, is_sent ? message->to : message->from)))
		keep = KEEP_HIDDEN;
	/* A sent message is with whom it is for: it is kept for the archive alone. */
	return is_sent && keep == KEEP_HIDDEN ? KEEP_NOT : keep;
}

/* XEP-0280 §6.1. */
bool
carbons_are_due(const struct stanza *message, bool is_sent)
{
	const struct element *room = element_child(message->el, NS_MUC_USER, "x");
	const struct element *el = element_child(message->el, NULL, NULL);

	if (element_child(message->el, NS_CARBONS, "private") != NULL ||
	    (hints_of(message->el) & HINT_NO_COPY) != 0)
		return false;
	/* Each session that is in a room gets a private message by itself. */
	if (!is_sent && room != NULL && element_child(room, NULL, "invite") == NULL)
		return false;
	if (message->type == MESSAGE_CHAT || (message->type == MESSAGE_ERROR && !is_sent))
		return true;
	if (message->type != MESSAGE_NORMAL)
		return false;
	for (; el != NULL; el = element_next(el, NULL, NULL))
		if (is_part(el) || str_is(el->name, "body"))
			return true;
	return false;
}

/*
 * The preferences: "always", "never" or "roster" in the first line, then "+JID" and "-JID" for
 * those that are always, and never, archived (XEP-0441 §2).
 */
bool
archive_wants(const struct account *account, struct jid peer)
{
	struct str text = account->archive_prefs ? str(account->archive_prefs) : STR("always");
	struct str preset = STR(""), line, bare = jid_bare_text(peer);

	(void)str_split(&text, '\n', &preset);
	while (str_split(&text, '\n', &line))
		if (line.len > 0 &&
		    (str_equal(str_from(line, 1), bare) || str_equal(str_from(line, 1), peer.text)))
			return line.p[0] == '+';
	if (!str_is(preset, "roster"))
		return !str_is(preset, "never");
	return roster_find(account->roster, bare) != NULL;
}
