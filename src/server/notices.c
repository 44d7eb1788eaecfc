/* SPDX-License-Identifier: MIT */
/* notices.c - announcements, the message of the day, and the welcome. */
#include "server/notices.h"

#include "base/rand.h"
#include "server/account.h"
#include "server/route.h"
#include "server/session.h"
#include "xmpp/ns.h"

#include <stdlib.h>

#define SEEN_DOC "motd-seen" /* the account's: the id of the last one it was shown */
#define AT_ONCE 500u         /* accounts of one turn */

static const char *const docs[] = {[NOTICE_MOTD] = "motd", [NOTICE_WELCOME] = "welcome"};

struct notice {
	uint64_t id;
	char *text; /* NULL: not set */
};

struct host_notices {
	char *host;
	struct notice kinds[NOTICE_KINDS];
};

static void
put(struct worker *worker, struct str host, enum notice_kind kind, uint64_t id, struct str text)
{
	struct host_notices *of = map_get(&worker->notices, host);

	if (of == NULL && text.p == NULL)
		return;
	if (of == NULL) {
		of = xnew(struct host_notices);
		of->host = str_dupz(host);
		map_put(&worker->notices, str(of->host), of);
	}
	free(of->kinds[kind].text);
	of->kinds[kind].text = text.p != NULL ? str_dupz(text) : NULL;
	of->kinds[kind].id = text.p != NULL ? id : 0;
}

void
notices_free(struct worker *worker)
{
	uint32_t at = 0;
	void *value;

	while (map_next(&worker->notices, &at, &value)) {
		struct host_notices *of = value;

		for (int k = 0; k < NOTICE_KINDS; k++)
			free(of->kinds[k].text);
		free(of->host);
		free(of);
	}
	map_free(&worker->notices);
}

static const struct notice *
find(const struct worker *worker, struct str host, enum notice_kind kind)
{
	const struct host_notices *of = map_get(&worker->notices, host);

	return of != NULL && of->kinds[kind].text != NULL ? &of->kinds[kind] : NULL;
}

struct str
notice_text(const struct worker *worker, struct str host, enum notice_kind kind)
{
	const struct notice *notice = find(worker, host, kind);

	return notice != NULL ? str(notice->text) : STR_NONE;
}

uint64_t
notice_id(const struct worker *worker, struct str host, enum notice_kind kind)
{
	const struct notice *notice = find(worker, host, kind);

	return notice != NULL ? notice->id : 0;
}

/* Stored */

struct loading {
	struct worker *worker;
	struct config *config;
};

/* "id text", for each host and kind. */
static void
on_loaded(struct store_request *request)
{
	struct loading *loading = request->owner;
	size_t n = 0;

	for (size_t i = 0; i < loading->config->host_count; i++)
		for (int kind = 0; kind < NOTICE_KINDS; kind++, n++) {
			struct str rest = request->results[n].value, field;
			uint64_t id;

			if (request->results[n].status == STORE_OK &&
			    str_split(&rest, ' ', &field) &&
			    str_to_u64(field, UINT64_MAX, &id) == 0)
				put(loading->worker, loading->config->hosts[i].name,
				    (enum notice_kind)kind, id, rest.p != NULL ? rest : STR(""));
		}
	config_unref(loading->config);
	free(loading);
	store_request_free(request);
}

void
notices_load(struct worker *worker)
{
	struct loading *loading = xnew(struct loading);
	struct store_request *request =
		store_request_new(worker->store, worker->loop, on_loaded, loading);

	loading->worker = worker;
	loading->config = config_ref(worker->config);
	for (size_t i = 0; i < worker->config->host_count; i++)
		for (int kind = 0; kind < NOTICE_KINDS; kind++)
			store_doc_get(request, worker->config->hosts[i].name, docs[kind]);
	store_submit(request);
}

static struct stanza *
message_new(enum stanza_type type, struct str host, struct jid to, struct str subject,
	    struct str text)
{
	struct stanza *message =
		stanza_new(STANZA_MESSAGE, type, (struct jid){.text = host, .domain = host}, to);

	stanza_set_id(message, rand_token(message->arena, 96));
	if (subject.len > 0)
		element_add_leaf(message->arena, message->el, "subject", subject);
	element_add_leaf(message->arena, message->el, "body", text);
	return message;
}

/* The message of the day */

struct showing {
	struct account *account;
	uint64_t id;
};

static bool
is_available(const struct account *account)
{
	LIST_EACH(&account->sessions, struct session, link, session)
	{
		if (session_is_available(session) && !session->is_closing)
			return true;
	}
	return false;
}

static void
show(struct account *account, uint64_t id)
{
	struct worker *worker = account->worker;
	struct str host = account->jid.domain;
	struct store_request *request = store_request_new(worker->store, worker->loop, NULL, NULL);

	store_doc_put(request, account->jid.text, SEEN_DOC,
		      arena_printf(request->arena, "%llu", (unsigned long long)id));
	store_submit(request);
	route(worker, message_new(MESSAGE_HEADLINE, host, account->jid, STR(""),
				  notice_text(worker, host, NOTICE_MOTD)));
}

static void
on_seen(struct store_request *request)
{
	struct showing *showing = request->owner;
	struct account *account = showing->account;
	uint64_t seen = 0, id = showing->id;

	free(showing);
	if (request->results[0].status == STORE_OK &&
	    str_to_u64(request->results[0].value, UINT64_MAX, &seen) < 0)
		seen = 0;
	store_request_free(request);
	/* Another one may have been set meanwhile, which is shown by itself. */
	if (seen != id && account->state == ACCOUNT_READY &&
	    notice_id(account->worker, account->jid.domain, NOTICE_MOTD) == id) {
		if (is_available(account))
			show(account, id);
		else
			account->motd_id = 0; /* at its next presence */
	}
	account_unpin(account);
}

void
notice_show_motd(struct account *account)
{
	uint64_t id = notice_id(account->worker, account->jid.domain, NOTICE_MOTD);
	struct showing *showing;
	struct store_request *request;

	if (id == 0 || id == account->motd_id || account->is_guest ||
	    account->state != ACCOUNT_READY)
		return;
	account->motd_id = id;
	account_pin(account);
	showing = xnew(struct showing);
	showing->account = account;
	showing->id = id;
	request =
		store_request_new(account->worker->store, account->worker->loop, on_seen, showing);
	store_doc_get(request, account->jid.text, SEEN_DOC);
	store_submit(request);
}

/* To everybody who is there */

struct delivery {         /* of one worker */
	struct task task; /* the next turn, or the way back */
	struct announcing *announcing;
	struct worker *worker;
	struct arena *arena;
	struct str *jids;
	size_t count, next;
};

struct announcing {
	struct arena *arena;
	struct loop *loop;
	struct str host;
	struct stanza *message; /* NULL: the message of the day */
	unsigned waiting;
	size_t count;
	void (*done)(void *owner, size_t count);
	void *owner;
	struct delivery deliveries[];
};

static void
delivery_came_back(struct task *task)
{
	struct delivery *d = CONTAINER(task, struct delivery, task);
	struct announcing *a = d->announcing;

	a->count += d->count;
	arena_free(d->arena);
	if (--a->waiting > 0)
		return;
	a->done(a->owner, a->count);
	stanza_unref(a->message);
	arena_free(a->arena);
}

static void
give(struct delivery *d, struct str bare)
{
	struct stanza *message = d->announcing->message;
	struct account *account = account_find(d->worker, bare);
	size_t at = (size_t)str_find(bare, '@');
	struct jid to = {
		.text = bare, .local = str_first(bare, at), .domain = str_from(bare, at + 1)};

	if (message != NULL)
		route(d->worker, stanza_readdress(message, to));
	else if (account != NULL)
		notice_show_motd(account);
}

/* So many in a turn, so that the worker goes on with its other work. */
static void
deliver_some(struct task *task)
{
	struct delivery *d = CONTAINER(task, struct delivery, task);
	size_t end = MIN(d->count, d->next + AT_ONCE);

	for (; d->next < end; d->next++) {
		give(d, d->jids[d->next]);
	}
	d->task.run = d->next < d->count ? deliver_some : delivery_came_back;
	loop_post(d->next < d->count ? d->worker->loop : d->announcing->loop, &d->task);
}

static void
begin_delivery(struct worker *worker, void *arg)
{
	struct delivery *d = arg;
	uint32_t at = 0;
	void *value;

	d->worker = worker;
	d->jids = arena_array(d->arena, struct str, worker->accounts.count + 1);
	while (map_next(&worker->accounts, &at, &value)) {
		const struct account *account = value;

		if (account->session_count > 0 &&
		    str_equal(account->jid.domain, d->announcing->host))
			d->jids[d->count++] = arena_dup(d->arena, account->jid.text);
	}
	deliver_some(&d->task);
}

/* MESSAGE, taken over, to everybody of HOST who is there. */
static void
give_all(struct server *server, struct loop *loop, struct str host, struct stanza *message,
	 void (*done)(void *owner, size_t count), void *owner)
{
	struct arena *arena = arena_new();
	struct announcing *a =
		arena_alloc(arena, sizeof(*a) + server->worker_count * sizeof(struct delivery));

	a->arena = arena;
	a->loop = loop;
	a->host = arena_dup(arena, host);
	a->message = message;
	a->waiting = (unsigned)server->worker_count;
	a->done = done;
	a->owner = owner;
	for (size_t i = 0; i < server->worker_count; i++) {
		a->deliveries[i].announcing = a;
		a->deliveries[i].arena = arena_new();
		worker_call(server->workers[i], begin_delivery, &a->deliveries[i]);
	}
}

void
notice_announce(struct server *server, struct loop *loop, struct str host, struct str subject,
		struct str text, void (*done)(void *owner, size_t count), void *owner)
{
	struct stanza *message =
		message_new(MESSAGE_HEADLINE, host, (struct jid){0}, subject, text);

	stanza_freeze(message);
	give_all(server, loop, host, message, done, owner);
}

/* Set */

struct setting { /* goes from worker to worker, in turn */
	struct arena *arena;
	struct task back;
	struct server *server;
	struct loop *loop;
	struct str host, text;
	enum notice_kind kind;
	uint64_t id;
	size_t next;
	bool is_stored, is_edit;
	void (*done)(void *owner, bool is_stored);
	void *owner;
};

static void
set_came_back(struct task *task)
{
	struct setting *s = CONTAINER(task, struct setting, back);

	s->done(s->owner, s->is_stored);
	arena_free(s->arena);
}

static void
shown(void *owner, size_t count UNUSED)
{
	struct setting *s = owner;

	set_came_back(&s->back);
}

static void
tell_worker(struct worker *worker, void *arg)
{
	struct setting *s = arg;

	put(worker, s->host, s->kind, s->id, s->text);
	if (++s->next < s->server->worker_count) {
		worker_call(s->server->workers[s->next], tell_worker, s);
		return;
	}
	if (s->kind == NOTICE_MOTD && s->text.p != NULL && !s->is_edit) {
		give_all(s->server, s->loop, s->host, NULL, shown, s);
		return;
	}
	s->back.run = set_came_back;
	loop_post(s->loop, &s->back);
}

static void
on_set(struct store_request *request)
{
	struct setting *s = request->owner;

	s->is_stored = request->status == STORE_OK;
	store_request_free(request);
	if (s->is_stored)
		worker_call(s->server->workers[0], tell_worker, s);
	else
		set_came_back(&s->back);
}

void
notice_set(struct server *server, struct loop *loop, struct str host, enum notice_kind kind,
	   struct str text, bool is_edit, void (*done)(void *owner, bool is_stored), void *owner)
{
	struct arena *arena = arena_new();
	struct setting *s = arena_new_of(arena, struct setting);
	struct store_request *request = store_request_new(server->store, loop, on_set, s);

	*s = (struct setting){.arena = arena,
			      .server = server,
			      .loop = loop,
			      .host = arena_dup(arena, host),
			      .text = arena_dup(arena, text),
			      .kind = kind,
			      .is_edit = is_edit,
			      .done = done,
			      .owner = owner};
	s->id = is_edit ? notice_id(server->workers[0], host, kind) : 0;
	if (s->id == 0)
		s->id = time_wall_us();
	if (text.p == NULL)
		store_doc_remove(request, host, docs[kind]);
	else
		store_doc_put(
			request, host, docs[kind],
			arena_printf(arena, "%llu %.*s", (unsigned long long)s->id, STR_ARG(text)));
	store_submit(request);
}

/* It waits with the messages until somebody logs in for the first time. */
void
notice_welcome(struct worker *worker, const struct jid *account)
{
	const struct config_host *host = worker_host(worker, account->domain);
	struct str text = host ? notice_text(worker, host->name, NOTICE_WELCOME) : STR("");

	if (text.p == NULL)
		text = host->welcome;
	if (text.len > 0)
		route(worker, message_new(MESSAGE_NORMAL, host->name, *account, STR(""), text));
}
