/* SPDX-License-Identifier: MIT */
/*
 * test_control.c - the control socket: lines, arguments, answers now and later, peers that hang up.
 */
#include "test.h"

#include "base/buf.h"
#include "base/log.h"
#include "server/control.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct control_call *kept[100];
static size_t kept_count;

static void
run_echo(struct control_call *call)
{
	control_reply(call,
		      json_pack("{s:o, s:I, s:b}", "text", control_json(control_text(call, "text")),
				"n", (json_int_t)control_int(call, "n", 7), "loud",
				(int)control_bool(call, "loud")));
}

static void
run_keep(struct control_call *call)
{
	assert(kept_count < COUNT(kept));
	kept[kept_count++] = call;
}

static void
run_fail(struct control_call *call)
{
	control_fail(call, "item-not-found", "no \"%s\"", (const char *)call->owner);
}

static void
run_flood(struct control_call *call)
{
	char *text = xalloc(300000);

	memset(text, 'x', 299999);
	control_reply(call, json_pack("{s:s}", "text", text));
	free(text);
}

static const struct control_arg echo_args[] = {
	{"text", CONTROL_TEXT, true, "what to say"},
	{"n", CONTROL_INT, false, "a number"},
	{"loud", CONTROL_BOOL, false, "whether to shout"},
	{0},
};
static const struct control_command commands[] = {
	{"echo", "says it again", echo_args, run_echo},
	{"keep", "answers later", NULL, run_keep},
	{"fail", "does not work", NULL, run_fail},
	{"flood", "answers at length", NULL, run_flood},
	{0},
};

struct place { /* a server and one client of it */
	struct loop *loop;
	struct control *control;
	char directory[32];
	struct str path;
	int fd;
	struct buf in;
};

static int
dial(struct str path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, path.p, path.len);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static struct place
open_place_for(struct test *t, const char *group)
{
	struct place p = {.loop = loop_new(), .directory = "/tmp/recado-test-XXXXXX", .fd = -1};
	struct str why = STR("");

	log_set_level(LOG_ERROR);
	kept_count = 0;
	if (mkdtemp(p.directory) == NULL)
		abort();
	/* The directory of the socket is made too. */
	p.path = arena_printf(t->arena, "%s/run/control.sock", p.directory);
	check_int(t,
		  control_open(p.loop, p.path, str(group), commands, (void *)"owner", &p.control,
			       t->arena, &why),
		  0);
	check_str(t, why, "");
	p.fd = dial(p.path);
	check(t, p.fd >= 0);
	return p;
}

static struct place
open_place(struct test *t)
{
	return open_place_for(t, "");
}

static void
close_place(struct test *t, struct place *p)
{
	control_close(p->control);
	check(t, access(p->path.p, F_OK) < 0);
	loop_free(p->loop);
	if (p->fd >= 0)
		close(p->fd);
	buf_free(&p->in);
	rmdir(arena_printf(t->arena, "%s/run", p->directory).p);
	rmdir(p->directory);
}

static void
turn(struct place *p)
{
	for (int i = 0; i < 20; i++)
		loop_turn(p->loop, 0);
}

static void
say(struct place *p, const char *text)
{
	if (send(p->fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		abort();
	turn(p);
}

/* All that has come; "(end)" behind it when the server hung up. */
static struct str
hear(struct test *t, struct place *p)
{
	ssize_t n;

	buf_clear(&p->in);
	while ((n = recv(p->fd, buf_room(&p->in, 65536), 65536, MSG_DONTWAIT)) > 0) {
		buf_wrote(&p->in, (size_t)n);
		turn(p);
	}
	if (n == 0 || errno == ECONNRESET)
		buf_addz(&p->in, "(end)");
	return arena_join(t->arena, STR(""), buf_str(&p->in));
}

#define FAIL(condition, text)                                                                      \
	"{\"ok\":false,\"error\":{\"condition\":\"" condition "\",\"text\":\"" text "\"}"

static const struct {
	const char *line, *answer;
} cases[] = {
	{"{\"id\":1,\"command\":\"echo\",\"args\":{\"text\":\"a\\u00e9\",\"n\":-3,\"loud\":true}}",
	 "{\"ok\":true,\"result\":{\"text\":\"a\xc3\xa9\",\"n\":-3,\"loud\":true},\"id\":1}\n"},
	{"{\"id\":\"x\",\"command\":\"echo\",\"args\":{\"text\":\"\"}}",
	 "{\"ok\":true,\"result\":{\"text\":\"\",\"n\":7,\"loud\":false},\"id\":\"x\"}\n"},
	{" \t", ""},
	{"{\"command\":\"fail\"}", FAIL("item-not-found", "no \\\"owner\\\"") "}\n"},
	{"{\"command\":\"nothing\",\"id\":2}",
	 FAIL("feature-not-implemented", "there is no command \\\"nothing\\\"") ",\"id\":2}\n"},
	{"{\"command\":\"echo\"}", FAIL("bad-request", "echo needs \\\"text\\\"") "}\n"},
	{"{\"command\":\"echo\",\"args\":{\"text\":\"a\",\"txt\":1}}",
	 FAIL("bad-request", "echo has no argument \\\"txt\\\"") "}\n"},
	{"{\"command\":\"echo\",\"args\":{\"text\":5}}",
	 FAIL("bad-request", "\\\"text\\\" of echo must be a string") "}\n"},
	{"{\"command\":\"echo\",\"args\":{\"text\":\"a\",\"n\":1.5}}",
	 FAIL("bad-request", "\\\"n\\\" of echo must be a whole number") "}\n"},
	{"{\"command\":\"echo\",\"args\":{\"text\":\"a\",\"loud\":null}}",
	 FAIL("bad-request", "\\\"loud\\\" of echo must be true or false") "}\n"},
	{"{\"command\":\"echo\",\"args\":[]}",
	 FAIL("bad-request", "\\\"args\\\" must be an object") "}\n"},
	{"[1]", FAIL("bad-request", "the line is not an object with a \\\"command\\\"") "}\n"},
	{"{\"command\":5}",
	 FAIL("bad-request", "the line is not an object with a \\\"command\\\"") "}\n"},
	{"GET / HTTP/1.1", FAIL("bad-request", "not JSON: '[' or '{' expected near 'GET'") "}\n"},
	{"{\"command\":\"fail\",\"command\":\"fail\"}",
	 FAIL("bad-request", "not JSON: duplicate object key near '\\\"command\\\"'") "}\n"},
};

TEST(control_answers)
{
	struct place p = open_place(t);

	for (size_t i = 0; i < COUNT(cases); i++) {
		test_row(t, cases[i].line);
		say(&p, cases[i].line);
		check_str(t, hear(t, &p), "");
		say(&p, "\n");
		check_str(t, hear(t, &p), cases[i].answer);
	}
	close_place(t, &p);
}

TEST(control_help_lists_the_table)
{
	struct place p = open_place(t);
	struct str text;

	say(&p, "{\"command\":\"help\"}\n");
	text = hear(t, &p);
	check(t, strstr(text.p, "{\"name\":\"echo\",\"help\":\"says it again\",\"args\":[{\"name\":"
				"\"text\",\"type\":\"a string\",\"required\":true") != NULL);
	close_place(t, &p);
}

TEST(control_answers_later_and_out_of_order)
{
	struct place p = open_place(t);

	say(&p, "{\"id\":1,\"command\":\"keep\"}\n{\"id\":2,\"command\":\"keep\"}\n"
		"{\"id\":3,\"command\":\"fail\"}\n");
	check_str(t, hear(t, &p), FAIL("item-not-found", "no \\\"owner\\\"") ",\"id\":3}\n");
	control_reply(kept[1], NULL);
	control_reply(kept[0], NULL);
	turn(&p);
	check_str(t, hear(t, &p),
		  "{\"ok\":true,\"result\":{},\"id\":2}\n"
		  "{\"ok\":true,\"result\":{},\"id\":1}\n");
	close_place(t, &p);
}

TEST(control_bounds_calls_under_way)
{
	struct place p = open_place(t);

	for (int i = 0; i < 80; i++)
		say(&p, "{\"command\":\"keep\"}\n");
	check_int(t, (intmax_t)kept_count, 64);
	for (size_t i = 0; i < 64; i++)
		control_reply(kept[i], NULL);
	check_int(t, (intmax_t)kept_count, 64);
	turn(&p);
	check_int(t, (intmax_t)kept_count, 80);
	close_place(t, &p);
	for (size_t i = 64; i < 80; i++)
		control_reply(kept[i], NULL); /* nobody hears it */
}

TEST(control_peer_that_hangs_up)
{
	struct place p = open_place(t);

	say(&p, "{\"id\":1,\"command\":\"keep\"}\n");
	close(p.fd);
	turn(&p);
	control_reply(kept[0], NULL);
	turn(&p);
	p.fd = dial(p.path);
	say(&p, "{\"id\":1,\"command\":\"keep\"}\n");
	shutdown(p.fd, SHUT_WR); /* a pipe's end: the answer still goes out */
	turn(&p);
	control_reply(kept[1], NULL);
	turn(&p);
	check_str(t, hear(t, &p), "{\"ok\":true,\"result\":{},\"id\":1}\n(end)");
	close_place(t, &p);
}

TEST(control_slow_reader_is_not_read_from)
{
	struct place p = open_place(t);
	size_t lines = 0;
	struct str text, line;

	for (int i = 0; i < 20; i++)
		say(&p, "{\"command\":\"flood\"}\n");
	text = hear(t, &p);
	while (str_split(&text, '\n', &line) && line.len > 0)
		lines++;
	check_int(t, (intmax_t)lines, 20);
	close_place(t, &p);
}

TEST(control_line_without_end)
{
	struct place p = open_place(t);
	char *text = xalloc(70001);

	memset(text, 'x', 70000);
	say(&p, text);
	check_str(t, hear(t, &p), FAIL("policy-violation", "the line is too long") "}\n(end)");
	free(text);
	close_place(t, &p);
}

TEST(control_socket_is_private_and_not_taken_twice)
{
	struct place p = open_place(t);
	struct control *second = NULL;
	struct str why = STR("");
	struct stat st;

	check_int(t, stat(p.path.p, &st), 0);
	check_int(t, st.st_mode & 0777, 0600);
	check_int(t, control_open(p.loop, p.path, STR(""), commands, NULL, &second, t->arena, &why),
		  -1);
	check(t, strstr(why.p, "another server listens at ") == why.p);
	check_int(t,
		  control_open(p.loop, p.path, STR("no-such-group"), commands, NULL, &second,
			       t->arena, &why),
		  -1);
	check_str(t, why, "there is no group no-such-group");
	check_int(t,
		  control_open(p.loop, STR("/proc/x/y"), STR(""), commands, NULL, &second, t->arena,
			       &why),
		  -1);
	check_str(t, why, "cannot bind the control socket /proc/x/y: No such file or directory");
	close_place(t, &p);
}

TEST(control_socket_of_a_crashed_server_is_replaced)
{
	struct place p = open_place(t);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct str path = arena_printf(t->arena, "%s/run/dead", p.directory), why = STR("");
	struct control *second = NULL;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(address.sun_path, path.p, path.len);
	check_int(t, bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	check_int(t,
		  control_open(p.loop, path, STR("root"), commands, NULL, &second, t->arena, &why),
		  0);
	control_close(second);
	close_place(t, &p);
}

static const struct {
	const char *user, *group;
	unsigned uid, gid;
	bool is_answered;
} peers[] = {
	{"stranger", "", 12345, 12345, false},
	{"stranger, and a group", "daemon", 12345, 12345, false},
	{"member of the group", "daemon", 12345, 1, true},
	{"root", "", 0, 12345, true},
};

/* SEC-59: who may not, is not heard. Needs root, to be somebody else. */
TEST(sec59_control_refuses_strangers)
{
	if (geteuid() != 0) {
		test_skip(t, "needs root to become another user");
		return;
	}
	for (size_t i = 0; i < COUNT(peers); i++) {
		struct place p = open_place_for(t, peers[i].group);
		char line[] = "{\"command\":\"fail\"}\n", answer[256];
		ssize_t n = 0;

		test_row(t, peers[i].user);
		/* The mode opens the door; the check behind it is what is tested. */
		check_int(t, chmod(p.path.p, 0666), 0);
		check_int(t, chmod(p.directory, 0755), 0);
		close(p.fd);
		check(t, setegid(peers[i].gid) == 0 && seteuid(peers[i].uid) == 0);
		p.fd = dial(p.path);
		check(t, seteuid(0) == 0 && setegid(0) == 0);
		turn(&p);
		if (send(p.fd, line, strlen(line), MSG_NOSIGNAL) > 0) {
			turn(&p);
			n = recv(p.fd, answer, sizeof(answer), MSG_DONTWAIT);
		}
		check_int(t, n > 0, peers[i].is_answered);
		close_place(t, &p);
	}
}
