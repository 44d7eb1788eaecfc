/* SPDX-License-Identifier: MIT */
/*
 * xep0377_reports.c - Blocking Command Reports (XEP-0377): who blocks somebody can say why, and the
 * people in charge of the host hear of it.
 *
 * A report goes to the host's abuse contacts, or when there are none to its administrators, as a
 * message that holds it in words and as it came. It is not passed on to anybody else, whatever the
 * reporter allows (§4: that is ours to decide).
 */
#include "base/log.h"
#include "base/rand.h"
#include "modules/blocking.h"

#include <stdlib.h>

#define NS_REPORTING "urn:xmpp:reporting:1"
#define NS_SID "urn:xmpp:sid:0"
#define HOUR_MS 3600000u
#define TEXT_MAX 4096u  /* bytes that are passed on */
#define REASON_MAX 256u /* bytes */
#define IDS_MAX 64u     /* stanza ids, likewise */

extern const struct module xep0377_reports;

struct reporter {
	uint64_t count;
	char jid[];
};

struct reports { /* of a worker */
	uint64_t since_ms;
	struct map reporters; /* struct reporter by bare JID, of the hour that began then */
};

static void
forget_reporters(struct reports *reports)
{
	uint32_t at = 0;
	void *value;

	while (map_next(&reports->reporters, &at, &value))
		free(value);
	map_free(&reports->reporters);
	reports->reporters = (struct map){0};
}

static void
state_free(void *state)
{
	forget_reporters(state);
}

/* Not more than so many an hour: every report costs somebody's attention. */
static bool
may_report(struct event *ev, const struct option_values *options)
{
	struct reports *reports = module_state(ev->worker, &xep0377_reports);
	uint64_t now = loop_now_ms(ev->worker->loop), max = option_number(options, "per_hour");
	struct str jid = ev->account->jid.text;
	struct reporter *reporter;

	if (now - reports->since_ms >= HOUR_MS) {
		forget_reporters(reports);
		reports->since_ms = now;
	}
	reporter = map_get(&reports->reporters, jid);
	if (reporter == NULL) {
		reporter = xalloc(sizeof(*reporter) + jid.len);
		memcpy(reporter->jid, jid.p, jid.len);
		map_put(&reports->reporters, str_of(reporter->jid, jid.len), reporter);
	}
	return max == 0 || reporter->count++ < max;
}

static struct element *
copy_report(struct arena *arena, struct str reason, struct str text, const struct element *report)
{
	struct element *copy = element_new(arena, NS_REPORTING, "report");
	const struct element *id = element_child(report, NS_SID, "stanza-id");

	element_set(arena, copy, "reason", reason);
	for (size_t n = 0; id != NULL && n < IDS_MAX;
	     n++, id = element_next(id, NS_SID, "stanza-id"))
		element_append(copy, element_copy(arena, id));
	if (text.len > 0)
		element_add_leaf(arena, copy, "text", text);
	return copy;
}

/* Not in the middle of a character. */
static struct str
cut(struct str text, size_t max)
{
	size_t n = MIN(text.len, max);

	while (n < text.len && n > 0 && ((unsigned char)text.p[n] & 0xc0) == 0x80)
		n--;
	return str_first(text, n);
}

static void
tell(struct event *ev, struct jid to, struct str words, struct str subject,
     const struct element *report)
{
	struct jid host = {.text = ev->host->name, .domain = ev->host->name};
	struct stanza *message = stanza_new(STANZA_MESSAGE, MESSAGE_NORMAL, host, to);

	stanza_set_id(message, rand_token(message->arena, 96));
	element_add_leaf(message->arena, message->el, "subject", subject);
	element_add_leaf(message->arena, message->el, "body", words);
	element_append(message->el, element_copy(message->arena, report));
	route(ev->worker, message);
}

/* Returns how many were told. */
static size_t
tell_all(struct event *ev, const struct text_list *list, struct str prefix, struct str words,
	 struct str subject, const struct element *report)
{
	size_t told = 0;

	for (size_t i = 0; i < list->count; i++) {
		struct str uri = list->items[i], address = str_from(uri, prefix.len);
		ptrdiff_t query = str_find(address, '?');
		struct jid to;
		const char *why;

		if (!str_starts(uri, prefix))
			continue;
		if (query >= 0)
			address = str_first(address, (size_t)query);
		if (jid_parse(ev->arena, address, &to, &why) < 0)
			continue;
		tell(ev, to, words, subject, report);
		told++;
	}
	return told;
}

void
report_abuse(struct event *ev, struct jid reported, const struct element *report)
{
	const struct option_values *options =
		config_options(ev->worker->config, ev->host, module_index(&xep0377_reports));
	struct str reason = element_attr(report, "reason"), text, words, subject;
	struct element *copy, *block;

	if (!config_module_enabled(options) || !str_is(report->ns, NS_REPORTING))
		return;
	if (reason.len == 0 || reason.len > REASON_MAX || !may_report(ev, options)) {
		log_event(LOG_WARNING, "abuse-report-dropped", LOG_STR("by", ev->account->jid.text),
			  LOG_STR("of", reported.text));
		return;
	}
	log_event(LOG_WARNING, "abuse-report", LOG_STR("by", ev->account->jid.text),
		  LOG_STR("of", reported.text), LOG_STR("reason", reason));
	text = str_trim(element_child_text(ev->arena, report, NS_REPORTING, "text"));
	text = cut(text, TEXT_MAX);
	copy = copy_report(ev->arena, reason, text, report);
	block = element_new(ev->arena, NS_BLOCKING, "block");
	element_set(ev->arena, element_add(ev->arena, block, NULL, "item"), "jid", reported.text);
	element_append(block->children, copy);
	subject = arena_printf(ev->arena, "Report of %.*s", STR_ARG(reported.text));
	words = arena_printf(ev->arena, "%.*s reports %.*s\nReason: %.*s%s%.*s",
			     STR_ARG(ev->account->jid.text), STR_ARG(reported.text),
			     STR_ARG(reason), text.len > 0 ? "\n\n" : "", STR_ARG(text));
	if (tell_all(ev, &ev->host->contacts[CONTACT_ABUSE], STR("xmpp:"), words, subject, block) ==
	    0)
		tell_all(ev, &ev->host->admins, STR(""), words, subject, block);
}

const struct module xep0377_reports = {
	.name = "reports",
	.specs = SPECS({"XEP-0377", "0.4.1", SPEC_COMPLETE,
			"for the host's own people; nothing is forwarded (§4)"}),
	.features = FEATURES(NS_REPORTING),
	.options = OPTIONS({"per_hour", OPTION_INT, "20",
			    "reports of one account that are passed on; 0: all"}),
	.state_size = sizeof(struct reports),
	.state_free = state_free,
};
