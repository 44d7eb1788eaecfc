/* SPDX-License-Identifier: MIT */
/* client.c - talks to the control socket, blocking. */
#include "ctl/client.h"

#include "base/buf.h"
#include "ctl/output.h"
#include "server/config.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct client {
	int fd;
	struct buf in;
};

const char *
client_socket_path(struct ctl *ctl)
{
	if (ctl->socket_path != NULL)
		return ctl->socket_path;
	ctl->socket_path = getenv("RECADO_SOCKET");
	if (ctl->socket_path != NULL)
		return ctl->socket_path;
	ctl->socket_path = config_find_control_socket(ctl->config_path, ctl->arena).p;
	return ctl->socket_path;
}

static const char *
advice(int error)
{
	switch (error) {
	case ENOENT:
	case ECONNREFUSED:
		return "is the server running?";
	case EACCES:
	case EPERM:
		return "only root, the server's user and the control group may";
	default:
		return "see recadoctl(8)";
	}
}

int
client_connect(struct ctl *ctl, bool quiet)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = client_socket_path(ctl);
	int fd, error;

	if (ctl->client != NULL)
		return 0;
	errno = ENAMETOOLONG;
	fd = strlen(path) < sizeof(address.sun_path)
		     ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)
		     : -1;
	if (fd >= 0) {
		memcpy(address.sun_path, path, strlen(path));
		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
			ctl->client = xnew(struct client);
			ctl->client->fd = fd;
			return 0;
		}
	}
	error = errno;
	if (!quiet)
		ctl_complain(ctl, 0, "cannot connect to %s: %s; %s", path, strerror(error),
			     advice(error));
	if (fd >= 0)
		close(fd);
	return -1;
}

void
client_close(struct ctl *ctl)
{
	if (ctl->client == NULL)
		return;
	close(ctl->client->fd);
	buf_free(&ctl->client->in);
	free(ctl->client);
	ctl->client = NULL;
}

static int
hung_up(struct ctl *ctl)
{
	return ctl_complain(ctl, -1, "the server hung up");
}

int
client_send(struct ctl *ctl, json_int_t id, const char *command, json_t *args)
{
	json_t *line = json_pack("{s:I, s:s, s:o}", "id", id, "command", command, "args",
				 args != NULL ? args : json_object());
	char *text = json_dumps(line, JSON_COMPACT);
	struct str rest = str(text);
	bool is_good = true;

	text[rest.len] = '\n'; /* in the NUL's place: the length is known */
	rest.len++;
	while (rest.len > 0 && is_good) {
		ssize_t n = send(ctl->client->fd, rest.p, rest.len, MSG_NOSIGNAL);

		is_good = n >= 0 || errno == EINTR;
		rest = str_from(rest, n > 0 ? (size_t)n : 0);
	}
	free(text);
	json_decref(line);
	return is_good ? 0 : hung_up(ctl);
}

/* One line of input, without its end. Returns 0, or -1. */
static int
read_line(struct client *client, struct str *out)
{
	ptrdiff_t end;

	while ((end = str_find(buf_str(&client->in), '\n')) < 0) {
		ssize_t n = recv(client->fd, buf_room(&client->in, 65536), 65536, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		buf_wrote(&client->in, (size_t)n);
	}
	*out = str_first(buf_str(&client->in), (size_t)end);
	return 0;
}

json_t *
client_receive(struct ctl *ctl)
{
	struct str line;
	json_t *answer;

	if (read_line(ctl->client, &line) < 0) {
		hung_up(ctl);
		return NULL;
	}
	answer = json_loadb(line.p, line.len, 0, NULL);
	buf_consume(&ctl->client->in, line.len + 1);
	if (!json_is_object(answer)) {
		ctl_complain(ctl, 0, "the server's answer makes no sense");
		json_decref(answer);
		return NULL;
	}
	return answer;
}

const char *
client_error_text(const json_t *answer)
{
	const char *text =
		json_string_value(json_object_get(json_object_get(answer, "error"), "text"));

	return text != NULL ? text : "the server does not say why";
}

void
client_tell_error(const struct ctl *ctl, const json_t *answer)
{
	struct str text = str(client_error_text(answer)), line;

	if (ctl->json)
		output_json(json_pack("{s:O}", "error", json_object_get(answer, "error")));
	else
		while (str_split(&text, '\n', &line))
			ctl_complain(ctl, 0, "%s",
				     output_safe(ctl->arena, arena_dup(ctl->arena, line).p));
}

json_t *
client_ask(struct ctl *ctl, const char *command, json_t *args, int *code)
{
	json_t *answer, *result = NULL;

	*code = CTL_UNREACHABLE;
	if (client_connect(ctl, false) < 0) {
		json_decref(args);
		return NULL;
	}
	if (client_send(ctl, 1, command, args) < 0 || (answer = client_receive(ctl)) == NULL)
		return NULL;
	if (json_is_true(json_object_get(answer, "ok"))) {
		result = json_incref(json_object_get(answer, "result"));
		*code = CTL_OK;
	} else {
		client_tell_error(ctl, answer);
		*code = CTL_FAILED;
	}
	json_decref(answer);
	return result;
}
