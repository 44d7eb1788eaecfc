/* SPDX-License-Identifier: MIT */
/*
 * xep0410_seats.c - watches the rooms of other services in which clients sit (XEP-0045, XEP-0410).
 *
 * When the way to a service broke, it may have begun anew, and then it knows nothing of its
 * occupants, who see a room that has become quiet; and while this server was away, rooms may have
 * given up on its people. So each of their seats is asked about in their name, as a client would do
 * that pings itself. Whoever is not in the room any more is told so with status 333 (XEP-0045
 * §9.1.12), which makes clients enter again.
 */
#include "base/rand.h"
#include "server/account.h"
#include "server/module.h"
#include "server/route.h"
#include "server/sm.h"
#include "xmpp/xml_writer.h"

#include <stdio.h>
#include <stdlib.h>

#define NS_MUC_USER "http://jabber.org/protocol/muc#user"
#define ID_PREFIX "seat-"
#define REST_MS 2000u       /* between the loss and the question */
#define AGAIN_MS 60000u     /* until the next one, where nobody could be asked */
#define ANSWER_MS 120000u   /* no answer tells nothing */
#define UNREACHABLE_MAX 5u  /* times in a row: the way is broken for longer */
#define QUESTIONS_MAX 4096u /* of a worker at a time */

struct lost { /* a domain to ask at */
	uint64_t due_ms;
	unsigned attempts; /* that reached nobody */
	char domain[];
};

struct question {
	uint64_t until_ms;
	unsigned attempts;
	char *session, *seat;
	char id[40];
};

struct state {                /* of a worker */
	struct map lost;      /* struct lost by domain */
	struct map questions; /* struct question by id */
};

extern const struct module xep0410_seats;

static struct state *
state_of(struct worker *worker)
{
	return module_state(worker, &xep0410_seats);
}

static void
watch(struct worker *worker, struct str domain, uint64_t in_ms, unsigned attempts)
{
	struct state *state = state_of(worker);
	struct lost *lost = map_get(&state->lost, domain);

	if (lost == NULL) {
		lost = xalloc(sizeof(*lost) + domain.len + 1);
		memcpy(lost->domain, domain.p, domain.len);
		map_put(&state->lost, str(lost->domain), lost);
	}
	lost->due_ms = loop_now_ms(worker->loop) + in_ms;
	lost->attempts = attempts;
}

static enum verdict
on_lost(struct event *ev)
{
	watch(ev->worker, ev->contact, REST_MS, 0);
	return PASS;
}

/* Asking */

static void
question_free(struct state *state, struct question *question)
{
	map_remove(&state->questions, str(question->id));
	free(question->session);
	free(question->seat);
	free(question);
}

static void
ask(const struct session *session, struct jid seat, unsigned attempts)
{
	struct worker *worker = session->worker;
	struct state *state = state_of(worker);
	struct stanza *iq = stanza_new(STANZA_IQ, IQ_GET, session->jid, seat);
	struct question *question = xnew(struct question);
	struct str token = rand_token(iq->arena, 128);

	snprintf(question->id, sizeof(question->id), ID_PREFIX "%.*s", STR_ARG(token));
	question->session = str_dupz(session->jid.text);
	question->seat = str_dupz(seat.text);
	question->attempts = attempts;
	question->until_ms = loop_now_ms(worker->loop) + ANSWER_MS;
	map_put(&state->questions, str(question->id), question);
	stanza_set_id(iq, str(question->id));
	element_append(iq->el, element_new(iq->arena, "urn:xmpp:ping", "ping"));
	route(worker, iq);
}

/* Rooms of this server remember. */
static bool
is_elsewhere(const struct worker *worker, struct str domain)
{
	return worker_host(worker, domain) == NULL &&
	       config_service(worker->config, domain) == NULL;
}

/* About the seats at DOMAIN, or at all domains that are not ours (NULL). */
static void
ask_session(const struct session *session, const char *domain, unsigned attempts)
{
	struct arena *arena = arena_new();
	uint32_t at = 0;
	void *value;

	while (session->directed != NULL && map_next(session->directed, &at, &value)) {
		struct jid seat;
		const char *why;

		if (jid_parse(arena, str(value), &seat, &why) == 0 && seat.resource.len > 0 &&
		    (domain != NULL ? str_is(seat.domain, domain)
				    : is_elsewhere(session->worker, seat.domain)) &&
		    state_of(session->worker)->questions.count < QUESTIONS_MAX)
			ask(session, seat, attempts);
	}
	arena_free(arena);
}

/* After a restart of this server: it does not know what was sent to the session meanwhile. */
static enum verdict
on_resumed(struct event *ev)
{
	if (ev->session->sm->is_restored)
		ask_session(ev->session, NULL, 0);
	return PASS;
}

static void
ask_all(struct worker *worker, const struct lost *lost)
{
	uint32_t at = 0;
	void *value;

	while (map_next(&worker->accounts, &at, &value)) {
		struct account *account = value;

		LIST_EACH(&account->sessions, struct session, link, session)
		{
			if (!session->is_closing)
				ask_session(session, lost->domain, lost->attempts);
		}
	}
}

static void
tick(struct worker *worker)
{
	struct state *state = state_of(worker);
	uint64_t now = loop_now_ms(worker->loop);
	uint32_t at = 0;
	void *value;

	while (state->lost.count > 0 && map_next(&state->lost, &at, &value)) {
		struct lost *lost = value;

		if (lost->due_ms > now)
			continue;
		map_remove(&state->lost, str(lost->domain));
		ask_all(worker, lost);
		free(lost);
		at = 0;
	}
	at = 0;
	while (state->questions.count > 0 && map_next(&state->questions, &at, &value)) {
		if (((struct question *)value)->until_ms > now)
			continue;
		question_free(state, value);
		at = 0;
	}
}

/* Answers */

enum finding { IS_THERE, IS_GONE, IS_UNREACHABLE };

/*
 * XEP-0410 §3; but item-not-found is what ejabberd says of a room that it does not know any more,
 * and a nick that was changed is no loss, see has_other_seat.
 */
static enum finding
read_answer(const struct stanza *answer)
{
	static const struct {
		const char *condition;
		enum finding finding;
	} known[] = {{"service-unavailable", IS_THERE},
		     {"feature-not-implemented", IS_THERE},
		     {"remote-server-not-found", IS_UNREACHABLE},
		     {"remote-server-timeout", IS_UNREACHABLE},
		     {"resource-constraint", IS_UNREACHABLE}};
	const struct element *error = element_child(answer->el, NS_CLIENT, "error");
	const struct element *el = error ? element_child(error, NS_STANZA_ERROR, NULL) : NULL;

	if (answer->type == IQ_RESULT)
		return IS_THERE;
	for (size_t i = 0; el != NULL && i < COUNT(known); i++)
		if (str_is(el->name, known[i].condition))
			return known[i].finding;
	return IS_GONE;
}

/* Another nick in the same room: this one was changed. */
static bool
has_other_seat(const struct session *session, struct jid seat)
{
	struct str room = jid_bare_text(seat);
	uint32_t at = 0;
	void *value;

	while (map_next(session->directed, &at, &value)) {
		struct str other = str(value);

		if (other.len > room.len && str_starts(other, room) && other.p[room.len] == '/' &&
		    !str_equal(other, seat.text))
			return true;
	}
	return false;
}

static void
tell(struct session *session, struct jid seat)
{
	struct stanza *presence =
		stanza_new(STANZA_PRESENCE, PRESENCE_UNAVAILABLE, seat, session->jid);
	struct arena *arena = presence->arena;
	struct element *x = element_new(arena, NS_MUC_USER, "x"), *item;

	item = element_add(arena, x, NULL, "item");
	element_setz(arena, item, "affiliation", "none");
	element_setz(arena, item, "role", "none");
	element_setz(arena, element_add(arena, x, NULL, "status"), "code", "110");
	element_setz(arena, element_add(arena, x, NULL, "status"), "code", "333");
	element_append(presence->el, x);
	stanza_freeze(presence);
	free(map_remove(session->directed, seat.text));
	session_deliver(session, presence, NULL);
	stanza_unref(presence);
}

static void
conclude(struct account *account, const struct question *question, const struct stanza *answer)
{
	struct session *session = account_session(account, answer->to.resource);
	enum finding finding = read_answer(answer);

	if (finding == IS_UNREACHABLE && question->attempts + 1 < UNREACHABLE_MAX) {
		watch(account->worker, answer->from.domain, AGAIN_MS, question->attempts + 1);
		return;
	}
	if (finding == IS_THERE || session == NULL || session->is_closing ||
	    session->directed == NULL || map_get(session->directed, answer->from.text) == NULL)
		return;
	if (has_other_seat(session, answer->from))
		free(map_remove(session->directed, answer->from.text));
	else
		tell(session, answer->from);
}

/* Only from whom it was asked, and to whom: the id is a secret of the three (SEC-55). */
static enum verdict
take_answer(struct event *ev)
{
	const struct stanza *stanza = ev->stanza;
	struct state *state = state_of(ev->worker);
	struct question *question;

	if (stanza->kind != STANZA_IQ || (stanza->type != IQ_RESULT && stanza->type != IQ_ERROR) ||
	    stanza->id.p == NULL || !str_starts(stanza->id, STR(ID_PREFIX)))
		return PASS;
	question = map_get(&state->questions, stanza->id);
	if (question == NULL || !str_is(stanza->from.text, question->seat) ||
	    !str_is(stanza->to.text, question->session))
		return PASS;
	conclude(ev->account, question, stanza);
	question_free(state, question);
	return DONE;
}

static void
free_state(void *arg)
{
	struct state *state = arg;
	uint32_t at = 0;
	void *value;

	while (state->questions.count > 0 && map_next(&state->questions, &at, &value)) {
		question_free(state, value);
		at = 0;
	}
	map_free(&state->questions);
	at = 0;
	while (map_next(&state->lost, &at, &value))
		free(value);
	map_free(&state->lost);
}

const struct module xep0410_seats = {
	.name = "seats",
	.hooks = HOOKS({POINT_PATH_LOST, STAGE_HANDLE, on_lost},
		       {POINT_SESSION_RESUMED, STAGE_HANDLE, on_resumed},
		       {POINT_TO_ACCOUNT, STAGE_CHECK, take_answer}),
	.tick = tick,
	.state_size = sizeof(struct state),
	.state_free = free_state,
};
