/* SPDX-License-Identifier: MIT */
/* control.c - the control socket: who may connect, which command it is, and its answer. */
#include "server/control.h"

#include "base/log.h"
#include "server/control_peer.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PEERS_MAX 32u
#define GROUPS_MAX 256
#define LINE_BYTES_MAX (64u << 10) /* unless control_set_line_max */

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

struct control {
	struct loop *loop;
	struct watch watch;
	char *path;
	gid_t group; /* -1: none */
	const struct control_command *commands;
	void *owner;
	size_t line_max;
	struct link peers;
};

/* Credentials are those of the moment of connect(), taken by the kernel. */
static bool
may_connect(const struct control *control, int fd, struct ucred *who)
{
	gid_t groups[GROUPS_MAX];
	socklen_t size = sizeof(*who), groups_size = sizeof(groups);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, who, &size) < 0)
		return false;
	if (who->uid == 0 || who->uid == geteuid())
		return true;
	if (control->group == (gid_t)-1)
		return false;
	if (who->gid == control->group)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &groups_size) < 0)
		return false;
	for (size_t i = 0; i < groups_size / sizeof(groups[0]); i++)
		if (groups[i] == control->group)
			return true;
	return false;
}

static void
accept_peers(struct watch *watch, uint32_t events UNUSED)
{
	struct control *control = CONTAINER(watch, struct control, watch);
	struct ucred who = {0};
	int fd;

	while ((fd = accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct control_peer *peer;
		size_t count = 0;

		LIST_EACH(&control->peers, struct control_peer, link, other)
		count += other != NULL;
		if (!may_connect(control, fd, &who) || count >= PEERS_MAX) {
			log_event(LOG_WARNING, "control-refused", LOG_INT("uid", who.uid),
				  LOG_INT("pid", who.pid));
			close(fd);
			continue;
		}
		peer = control_peer_new(control, control->loop, fd, who.uid, who.pid,
					control->line_max);
		list_add(&control->peers, &peer->link);
	}
}

/* Whether a server answers at ADDRESS. */
static bool
is_alive(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;

	if (fd >= 0)
		close(fd);
	return is;
}

static int
fill_address(struct str path, struct sockaddr_un *out)
{
	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (path.len == 0 || path.len >= sizeof(out->sun_path))
		return -1;
	memcpy(out->sun_path, path.p, path.len);
	return 0;
}

/* The directory that PATH stands in, for a first start. What is wrong with it, bind will say. */
static void
make_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *directory;

	if (slash == NULL || slash == path)
		return;
	directory = str_dupz(str_of(path, (size_t)(slash - path)));
	(void)!mkdir(directory, 0755);
	free(directory);
}

static int
find_group(struct str name, gid_t *out, struct arena *arena, struct str *why)
{
	struct group *group;

	*out = (gid_t)-1;
	if (name.len == 0)
		return 0;
	group = getgrnam(arena_dup(arena, name).p);
	if (group == NULL) {
		*why = arena_printf(arena, "there is no group %.*s", STR_ARG(name));
		return -1;
	}
	*out = group->gr_gid;
	return 0;
}

/* Nobody else can connect before the mode is set: the socket does not listen yet. */
static int
bind_socket(int fd, const struct sockaddr_un *address, gid_t group, const char **doing)
{
	mode_t mask = umask(0177);
	int rc = bind(fd, (const struct sockaddr *)address, sizeof(*address));

	umask(mask);
	*doing = "bind";
	if (rc < 0)
		return -1;
	*doing = "give to its group";
	if (group != (gid_t)-1 &&
	    (chown(address->sun_path, (uid_t)-1, group) < 0 || chmod(address->sun_path, 0660) < 0))
		return -1;
	*doing = "listen on";
	return listen(fd, 16);
}

static int
open_socket(struct str path, gid_t group, struct arena *arena, struct str *why)
{
	struct sockaddr_un address;
	const char *doing = "make";
	int fd;

	if (fill_address(path, &address) < 0) {
		*why = arena_printf(arena,
				    "the control socket's path has more than %zu bytes: %.*s",
				    sizeof(address.sun_path) - 1, STR_ARG(path));
		return -1;
	}
	if (is_alive(&address)) {
		*why = arena_printf(arena, "another server listens at %.*s", STR_ARG(path));
		return -1;
	}
	make_directory(address.sun_path);
	unlink(address.sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind_socket(fd, &address, group, &doing) < 0) {
		*why = arena_printf(arena, "cannot %s the control socket %.*s: %s", doing,
				    STR_ARG(path), strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

int
control_open(struct loop *loop, struct str path, struct str group,
	     const struct control_command *commands, void *owner, struct control **out,
	     struct arena *arena, struct str *why)
{
	struct control *control;
	gid_t gid;
	int fd;

	if (find_group(group, &gid, arena, why) < 0)
		return -1;
	fd = open_socket(path, gid, arena, why);
	if (fd < 0)
		return -1;
	control = xnew(struct control);
	control->loop = loop;
	control->path = str_dupz(path);
	control->group = gid;
	control->commands = commands;
	control->owner = owner;
	control->line_max = LINE_BYTES_MAX;
	control->watch = (struct watch){.fd = fd, .ready = accept_peers};
	list_init(&control->peers);
	loop_watch(loop, &control->watch, EPOLLIN);
	*out = control;
	return 0;
}

void
control_set_line_max(struct control *control, size_t bytes)
{
	control->line_max = bytes;
}

void
control_close(struct control *control)
{
	if (control == NULL)
		return;
	LIST_EACH(&control->peers, struct control_peer, link, peer)
	control_peer_free(peer);
	loop_watch(control->loop, &control->watch, 0);
	close(control->watch.fd);
	unlink(control->path);
	free(control->path);
	free(control);
}

json_t *
control_json(struct str text)
{
	json_t *value = text.len > 0 ? json_stringn(text.p, text.len) : json_string("");

	return value != NULL ? value : json_string("?");
}

static void
finish(struct control_call *call, json_t *answer)
{
	struct control_peer *peer = call->peer;

	list_remove(&call->link);
	if (call->id != NULL)
		json_object_set_new(answer, "id", call->id);
	json_decref(call->args);
	arena_free(call->arena);
	free(call);
	if (peer == NULL) {
		json_decref(answer);
		return;
	}
	peer->call_count--;
	control_peer_send(peer, answer);
}

void
control_reply(struct control_call *call, json_t *result)
{
	finish(call, json_pack("{s:b, s:o}", "ok", 1, "result", result ? result : json_object()));
}

void
control_fail(struct control_call *call, const char *condition, const char *format, ...)
{
	va_list args;
	struct str text;

	va_start(args, format);
	text = arena_vprintf(call->arena, format, args);
	va_end(args);
	finish(call, json_pack("{s:b, s:{s:s, s:o}}", "ok", 0, "error", "condition", condition,
			       "text", control_json(text)));
}

struct str
control_text(const struct control_call *call, const char *name)
{
	const json_t *value = json_object_get(call->args, name);

	return json_is_string(value) ? str_of(json_string_value(value), json_string_length(value))
				     : STR_NONE;
}

int64_t
control_int(const struct control_call *call, const char *name, int64_t otherwise)
{
	const json_t *value = json_object_get(call->args, name);

	return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

bool
control_bool(const struct control_call *call, const char *name)
{
	return json_is_true(json_object_get(call->args, name));
}

static const char *const type_names[] = {"a string", "a whole number", "true or false"};

static bool
fits(const json_t *value, enum control_arg_type type)
{
	return type == CONTROL_TEXT  ? json_is_string(value)
	       : type == CONTROL_INT ? json_is_integer(value)
				     : json_is_boolean(value);
}

static const struct control_arg *
find_arg(const struct control_command *command, const char *name)
{
	for (const struct control_arg *arg = command->args; arg != NULL && arg->name != NULL; arg++)
		if (strcmp(arg->name, name) == 0)
			return arg;
	return NULL;
}

/* NULL when all is well. */
static struct str
check_args(const struct control_call *call)
{
	const struct control_arg *arg = call->command->args;
	const char *name;
	json_t *value;

	json_object_foreach(call->args, name, value)
	{
		arg = find_arg(call->command, name);
		if (arg == NULL)
			return arena_printf(call->arena, "%s has no argument \"%s\"",
					    call->command->name, name);
		if (!fits(value, arg->type))
			return arena_printf(call->arena, "\"%s\" of %s must be %s", name,
					    call->command->name, type_names[arg->type]);
	}
	for (arg = call->command->args; arg != NULL && arg->name != NULL; arg++)
		if (arg->is_required && json_object_get(call->args, arg->name) == NULL)
			return arena_printf(call->arena, "%s needs \"%s\"", call->command->name,
					    arg->name);
	return STR_NONE;
}

static json_t *
describe_args(const struct control_arg *arg)
{
	json_t *list = json_array();

	for (; arg != NULL && arg->name != NULL; arg++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:s}", "name", arg->name,
						      "type", type_names[arg->type], "required",
						      (int)arg->is_required, "help", arg->help));
	return list;
}

static void
run_help(struct control_call *call)
{
	json_t *list = json_array();

	for (const struct control_command *c = call->peer->control->commands; c->name != NULL; c++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "name", c->name, "help",
						      c->help, "args", describe_args(c->args)));
	control_reply(call, json_pack("{s:o}", "commands", list));
}

static const struct control_command help_command = {"help", "lists the commands", NULL, run_help};

static const struct control_command *
find_command(const struct control *control, const char *name)
{
	for (const struct control_command *c = control->commands; c->name != NULL; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return strcmp(name, help_command.name) == 0 ? &help_command : NULL;
}

/* A call without command yet, so that every answer goes the same way. LINE may be NULL. */
static struct control_call *
call_new(struct control_peer *peer, json_t *line)
{
	struct control_call *call = xnew(struct control_call);
	json_t *args = json_object_get(line, "args");

	call->arena = arena_new();
	call->owner = peer->control->owner;
	call->peer = peer;
	call->id = json_incref(json_object_get(line, "id"));
	call->args = json_is_object(args) ? json_incref(args) : json_object();
	list_add(&peer->calls, &call->link);
	peer->call_count++;
	return call;
}

void
control_take_line(struct control_peer *peer, struct str text)
{
	json_error_t error;
	json_t *line = json_loadb(text.p, text.len, JSON_REJECT_DUPLICATES, &error);
	const char *name = json_string_value(json_object_get(line, "command"));
	json_t *args = json_object_get(line, "args");
	struct control_call *call = call_new(peer, line);
	struct str fault;

	if (line == NULL) {
		control_fail(call, "bad-request", "not JSON: %s", error.text);
	} else if (name == NULL) {
		control_fail(call, "bad-request", "the line is not an object with a \"command\"");
	} else if (args != NULL && !json_is_object(args)) {
		control_fail(call, "bad-request", "\"args\" must be an object");
	} else if ((call->command = find_command(peer->control, name)) == NULL) {
		control_fail(call, "feature-not-implemented", "there is no command \"%s\"", name);
	} else if ((fault = check_args(call)).p != NULL) {
		control_fail(call, "bad-request", "%.*s", STR_ARG(fault));
	} else {
		log_event(LOG_INFO, "control", LOG_Z("command", name), LOG_INT("uid", peer->uid),
			  LOG_INT("pid", peer->pid));
		call->command->run(call);
	}
	json_decref(line);
}
