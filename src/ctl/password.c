/* SPDX-License-Identifier: MIT */
/* password.c - passwords from the terminal without echo, from a pipe, or at random. */
#include "ctl/password.h"

#include "base/rand.h"
#include "base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

/* Letters and digits that nobody takes for one another; 20 of them hold 98 bits. */
static const char alphabet[] = "abcdefghijkmnpqrstuvwxyz23456789";
#define GENERATED_LENGTH 20

static volatile sig_atomic_t stopped_by;

static const char *
generate(struct arena *arena)
{
	char *text = arena_bytes(arena, GENERATED_LENGTH + 1);

	for (size_t i = 0; i < GENERATED_LENGTH; i++)
		text[i] = alphabet[rand_below(sizeof(alphabet) - 1)];
	text[GENERATED_LENGTH] = '\0';
	return text;
}

/* One line, without its end. Byte by byte: what follows it may be for somebody else. */
static int
read_line(struct ctl *ctl, int fd, const char **out)
{
	char text[PASSWORD_BYTES_MAX + 1];
	size_t length = 0;
	ssize_t n;

	while ((n = read(fd, text + length, 1)) != 0 && (n < 0 || text[length] != '\n')) {
		if (n < 0 && errno == EINTR && stopped_by == 0)
			continue;
		if (n < 0)
			return ctl_complain(ctl, -1, "cannot read the password: %s",
					    strerror(errno));
		if (++length == sizeof(text))
			return ctl_complain(ctl, -1, "the password has more than %u bytes",
					    PASSWORD_BYTES_MAX);
	}
	if (length > 0 && text[length - 1] == '\r')
		length--;
	*out = arena_dup(ctl->arena, str_of(text, length)).p;
	if (length == 0)
		return ctl_complain(ctl, -1, "the password is empty");
	if (!utf8_is_valid(str_of(text, length)))
		return ctl_complain(ctl, -1, "the password is not valid UTF-8");
	return 0;
}

static void
on_stop(int number)
{
	stopped_by = number;
}

/* A signal ends the reading, and does its work once the echo is back. */
static int
ask_once(struct ctl *ctl, int fd, const char *prompt, const char **out)
{
	static const int stops[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_handler = on_stop}, old[COUNT(stops)];
	struct termios before, silent;
	int rc;

	if (tcgetattr(fd, &before) < 0)
		return ctl_complain(ctl, -1, "cannot use the terminal: %s", strerror(errno));
	for (size_t i = 0; i < COUNT(stops); i++)
		sigaction(stops[i], &action, &old[i]);
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	silent.c_lflag |= ECHONL;
	dprintf(fd, "%s", prompt);
	tcsetattr(fd, TCSAFLUSH, &silent);
	rc = read_line(ctl, fd, out);
	tcsetattr(fd, TCSAFLUSH, &before);
	for (size_t i = 0; i < COUNT(stops); i++)
		sigaction(stops[i], &old[i], NULL);
	if (stopped_by != 0)
		raise(stopped_by);
	return rc;
}

static int
ask_terminal(struct ctl *ctl, const char *account, const char **out)
{
	struct str prompt = arena_printf(ctl->arena, "Password for %s: ", account);
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC), rc = -1;
	const char *again;

	if (fd < 0)
		return ctl_complain(ctl, -1,
				    "there is no terminal to ask for the password; use "
				    "--password-stdin or --generate");
	if (ask_once(ctl, fd, prompt.p, out) == 0 &&
	    ask_once(ctl, fd, "Once more: ", &again) == 0) {
		rc = strcmp(*out, again) == 0 ? 0 : -1;
		if (rc < 0)
			ctl_complain(ctl, 0, "the two are not the same");
	}
	close(fd);
	return rc;
}

int
password_get(struct ctl *ctl, const char *account, const char **out, bool *is_new)
{
	*is_new = ctl_flag(ctl, "generate") != NULL;
	if (*is_new && ctl_flag(ctl, "password-stdin") != NULL)
		return ctl_complain(ctl, -1, "either --generate or --password-stdin");
	if (*is_new) {
		*out = generate(ctl->arena);
		return 0;
	}
	if (ctl_flag(ctl, "password-stdin") != NULL)
		return read_line(ctl, STDIN_FILENO, out);
	return ask_terminal(ctl, account, out);
}
