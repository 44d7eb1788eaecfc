/* SPDX-License-Identifier: MIT */
/*
 * test_login.c - what modules add to a login (login.h): who is called when, with what, and what
 * becomes of it, with a server in memory whose only module is the one below.
 */
#include "test.h"

#include "server/account_change.h"
#include "server/c2s_private.h"
#include "server/module.h"
#include "server/running.h"

#include <stdlib.h>

#define NS_A "urn:test:a"
#define NS_B "urn:test:b"

static char called[256]; /* what was called, a letter each */
static struct login *held;

static void
note(struct event *ev, const struct element *asked, char letter)
{
	size_t len = strlen(called);

	assert(ev->account != NULL && ev->host != NULL && ev->module == modules[0]);
	called[len] = letter;
	called[len + 1] = ev->session != NULL ? '+' : '-';
	called[len + 2] = asked != NULL ? ' ' : '.';
}

static void
run_login(struct event *ev, struct login *login, const struct element *asked)
{
	note(ev, asked, 'l');
	login_answer(login, element_new(login_arena(login), NS_A, "a-answer"));
	if (element_attr(asked, "hold").p != NULL) {
		login_hold(login);
		held = login;
		if (str_is(element_attr(asked, "hold"), "not"))
			login_go_on(login);
	}
}

static void
done_login(struct event *ev, struct login *login UNUSED, const struct element *asked)
{
	note(ev, asked, 'L');
}

static void
prepare_bind(struct event *ev, struct login *login, const struct element *asked)
{
	note(ev, asked, 'p');
	login_keep(login, arena_dup(login_arena(login), STR("kept")).p == NULL ? NULL : called);
	if (element_attr(asked, "hold").p != NULL) {
		login_hold(login);
		held = login;
	}
}

static void
run_bind(struct event *ev, struct login *login, const struct element *asked)
{
	note(ev, asked, login_kept(login) == called ? 'b' : '?');
	login_answer(login, element_new(login_arena(login), NS_B, "b-answer"));
}

static void
done_bind(struct event *ev, struct login *login, const struct element *asked)
{
	note(ev, asked, login_kept(login) == called ? 'B' : '?');
}

static void
run_always(struct event *ev, struct login *login, const struct element *asked)
{
	note(ev, asked, 'x');
	login_answer(login, element_new(login_arena(login), "urn:test:x", "x"));
}

static const struct module fake = {
	.name = "fake",
	.inline_features =
		INLINE_FEATURES({INLINE_LOGIN, NS_A, "a", "feature-a", NULL, run_login, done_login},
				{INLINE_BIND, NS_B, NULL, NS_B, prepare_bind, run_bind, done_bind},
				{INLINE_BIND, NULL, NULL, NULL, NULL, run_always, NULL}),
};
const struct module *const modules[] = {&fake, NULL};

struct place {
	struct server server;
	struct loop *loop, *client_loop;
	struct config *config;
	struct conn *client;
	struct c2s *c2s;
	struct buf came;
};

static size_t
on_data(struct conn *conn, struct str bytes)
{
	struct place *place = conn_owner(conn);

	buf_add(&place->came, bytes);
	return bytes.len;
}

static void
on_ended(struct conn *conn, enum conn_end end UNUSED, const char *why UNUSED)
{
	struct place *place = conn_owner(conn);

	conn_free(conn);
	place->client = NULL;
}

static const struct conn_handlers handlers = {.data = on_data, .ended = on_ended};

static void
settle(struct place *place)
{
	bool is_busy = true;

	while (is_busy) {
		is_busy = store_step(place->server.store, 100);
		is_busy |= loop_turn(place->loop, 0);
		is_busy |= loop_turn(place->client_loop, 0);
	}
}

static void
on_account(void *owner, enum store_status status)
{
	assert(status == STORE_OK);
	*(bool *)owner = true;
}

static void
make_account(struct place *place)
{
	struct arena *arena = arena_new();
	bool is_made = false;

	account_set_password(&place->server, place->loop, place->config, ACCOUNT_MAKE,
			     jid_make(arena, STR("romeo"), STR("example.net"), STR("")),
			     STR("secret"), STR(""), on_account, &is_made);
	settle(place);
	assert(is_made);
	arena_free(arena);
}

/* A client has opened its stream; SASL2 is on offer, although this connection knows no TLS. */
static struct place *
open_place(struct test *t)
{
	struct config_listener listener = {.allow_plaintext_passwords = PLAINTEXT_ALWAYS};
	struct place *place = xnew(struct place);
	const struct config_module *rows;
	struct store *store;
	struct str errors;
	struct conn *far;
	size_t count;
	int rc;

	memset(called, 0, sizeof(called));
	held = NULL;
	modules_init();
	rows = modules_for_config(&count);
	rc = config_parse(STR("host = \"example.net\"; data_directory = \"/nonexistent\";"
			      "sasl = { scram_iterations = 4096; }; workers = 1;"),
			  "/nonexistent/recado.conf", rows, count, &place->config, t->arena,
			  &errors);
	assert(rc == 0);
	rc = store_open_simulated(&store);
	assert(rc == 0);
	place->loop = loop_new_simulated();
	place->client_loop = loop_new_simulated();
	server_open_simulated(&place->server, place->config, store, &place->loop);
	make_account(place);
	place->c2s = c2s_new(place->server.workers[0], &listener);
	conn_new_pair(place->loop, c2s_handlers(), place->c2s, place->client_loop, &handlers, place,
		      &far, &place->client);
	c2s_attach(place->c2s, far);
	conn_write(place->client,
		   STR("<stream:stream to='example.net' version='1.0' xmlns='jabber:client' "
		       "xmlns:stream='http://etherx.jabber.org/streams'>"));
	settle(place);
	place->c2s->offered |= SASL_BIT(SASL_PLAIN);
	place->c2s->stream.sasl2_is_offered = true;
	buf_clear(&place->came);
	return place;
}

static void
close_place(struct place *place)
{
	if (place->client != NULL)
		conn_free(place->client);
	settle(place);
	server_close(&place->server);
	loop_free(place->client_loop);
	config_unref(place->config);
	buf_free(&place->came);
	free(place);
}

/* AHJvbWVvAHNlY3JldA== is romeo's name and password. */
static void
log_in(struct place *place, const char *content)
{
	conn_write(place->client, STR("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'>"
				      "<initial-response>AHJvbWVvAHNlY3JldA==</initial-response>"));
	conn_write(place->client, str(content));
	conn_write(place->client, STR("</authenticate>"));
	settle(place);
}

static bool
came(const struct place *place, const char *text)
{
	struct str all = buf_str(&place->came);

	for (size_t i = 0; i < all.len; i++)
		if (str_starts(str_from(all, i), str(text)))
			return true;
	return false;
}

TEST(announced)
{
	struct place *place = open_place(t);
	struct buf out = {0};

	c2s_write_inline(place->c2s, &out);
	check_str(t, buf_str(&out),
		  "<feature-a xmlns='" NS_A "'/><bind xmlns='urn:xmpp:bind:0'><inline>"
		  "<feature var='" NS_B "'/></inline></bind>");
	buf_free(&out);
	close_place(place);
}

TEST(nothing_asked)
{
	struct place *place = open_place(t);

	log_in(place, "");
	check_str(t, str(called), "");
	check(t, came(place, "<success xmlns='urn:xmpp:sasl:2'><authorization-identifier>"
			     "romeo@example.net</authorization-identifier></success>"
			     "<stream:features>"));
	close_place(place);
}

TEST(all_in_order)
{
	struct place *place = open_place(t);

	log_in(place, "<bind xmlns='urn:xmpp:bind:0'><any xmlns='" NS_B "'/></bind>"
		      "<a xmlns='" NS_A "'/>");
	check_str(t, str(called), "l- p- b+ x+.L+ B+ ");
	check(t, came(place, "</authorization-identifier><a-answer xmlns='" NS_A "'/>"
			     "<bound xmlns='urn:xmpp:bind:0'><b-answer xmlns='" NS_B "'/>"
			     "<x xmlns='urn:test:x'/></bound></success><stream:features>"));
	close_place(place);
}

/* What stands in <bind/> is not asked of the login, and the other way round. */
TEST(in_the_wrong_place)
{
	struct place *place = open_place(t);

	log_in(place,
	       "<any xmlns='" NS_B "'/><bind xmlns='urn:xmpp:bind:0'><a xmlns='" NS_A "'/></bind>");
	check_str(t, str(called), "x+.");
	close_place(place);
}

TEST(held_twice)
{
	struct place *place = open_place(t);
	struct login *first;

	log_in(place, "<bind xmlns='urn:xmpp:bind:0'><any xmlns='" NS_B "' hold=''/></bind>"
		      "<a xmlns='" NS_A "' hold=''/>");
	check_str(t, str(called), "l- ");
	check(t, !came(place, "<success"));
	first = held;
	login_go_on(first);
	settle(place);
	check_str(t, str(called), "l- p- ");
	check(t, !came(place, "<success"));
	login_go_on(held);
	settle(place);
	check_str(t, str(called), "l- p- b+ x+.L+ B+ ");
	check(t, came(place, "</bound></success><stream:features>"));
	close_place(place);
}

/* What it waited for was there at once. */
TEST(held_and_not)
{
	struct place *place = open_place(t);

	log_in(place, "<a xmlns='" NS_A "' hold='not'/><bind xmlns='urn:xmpp:bind:0'/>");
	check_str(t, str(called), "l- x+.L+ ");
	check(t, came(place, "</bound></success><stream:features>"));
	close_place(place);
}

/* The stream has ended meanwhile: nothing is bound for nobody. */
TEST(ended_while_held)
{
	struct place *place = open_place(t);

	log_in(place, "<a xmlns='" NS_A "' hold=''/><bind xmlns='urn:xmpp:bind:0'/>");
	check(t, login_is_there(held));
	c2s_close_all(place->server.workers[0], STREAM_SYSTEM_SHUTDOWN, NULL);
	settle(place);
	check(t, !login_is_there(held));
	login_go_on(held);
	settle(place);
	check_str(t, str(called), "l- ");
	check(t, came(place, "<system-shutdown"));
	check(t, !came(place, "<success"));
	close_place(place);
}

/* SEC-40: and nothing for one whose password was changed while it waited. */
TEST(revoked_while_held)
{
	struct place *place = open_place(t);
	struct account *account;

	log_in(place, "<a xmlns='" NS_A "' hold=''/><bind xmlns='urn:xmpp:bind:0'/>");
	account = account_find(place->server.workers[0], STR("romeo@example.net"));
	account_revoke(account, NULL, false);
	login_go_on(held);
	settle(place);
	check_str(t, str(called), "l- ");
	check(t, came(place, "<not-authorized"));
	check(t, !came(place, "<success"));
	close_place(place);
}
