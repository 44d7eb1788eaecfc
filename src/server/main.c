/* SPDX-License-Identifier: MIT */
/* main.c - recadod: the command line, signals, privileges, and the main thread's loop. */
#include "base/log.h"
#include "server/admin.h"
#include "server/command_line.h"
#include "server/module.h"
#include "server/running.h"
#include "server/specs.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define CERTIFICATE_LOOK_MS 60000u /* how often certificate files are looked at */

struct program {
	struct server server;
	struct running *running;
	struct admin *admin;
	struct config *config;
	struct config *first_config; /* of the start: what a reload cannot change */
	const char *config_path;
	struct loop *loop;
	struct watch signals;
	struct timer watchdog, certificates;
	uint64_t watchdog_ms;
	_Atomic bool is_restart;
	char **argv;
	int64_t certificates_changed; /* newest change of a certificate file, ns */
};

static struct program program;

static int
load_config(const char *path, struct config **out, struct arena *arena, struct str *errors)
{
	size_t count;
	const struct config_module *known = modules_for_config(&count);

	return config_load(path, known, count, out, arena, errors);
}

static void
set_log_level(const struct config *config)
{
	enum log_level level;

	if (log_level_parse(config->log_level, &level) == 0)
		log_set_level(level);
}

static int64_t
certificates_change(const struct config *config)
{
	struct arena *arena = arena_new();
	int64_t newest = 0;

	for (size_t i = 0; i < config->host_count; i++) {
		const char *files[2];
		struct stat st;

		config_host_certificate(config, &config->hosts[i], arena, &files[0], &files[1]);
		for (size_t k = 0; k < COUNT(files); k++)
			if (stat(files[k], &st) == 0)
				newest = MAX(newest,
					     st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec);
	}
	arena_free(arena);
	return newest;
}

static int
load_certificates(const struct config *config, struct arena *arena, struct str *why)
{
	int64_t changed = certificates_change(config);

	if (server_load_tls(&program.server, config, arena, why) < 0)
		return -1;
	program.certificates_changed = changed;
	return 0;
}

/* A renewed certificate is used without a word from anybody; half-written files are tried again. */
static void
look_at_certificates(struct timer *timer)
{
	struct arena *arena = arena_new();
	struct str why;

	if (certificates_change(program.config) != program.certificates_changed) {
		if (load_certificates(program.config, arena, &why) < 0)
			log_event(LOG_ERROR, "certificate-not-loaded", LOG_STR("why", why));
		else
			log_event(LOG_INFO, "certificates-reloaded");
	}
	arena_free(arena);
	timer_set(program.loop, timer, loop_now_ms(program.loop) + CERTIFICATE_LOOK_MS);
}

/* All or nothing: whatever is wrong, the server goes on with what it has. */
int
program_reload(struct arena *arena, struct str *errors)
{
	struct config *config = NULL;
	struct str restart;

	sd_notify(0, "RELOADING=1");
	if (load_config(program.config_path, &config, arena, errors) < 0 ||
	    load_certificates(config, arena, errors) < 0) {
		log_event(LOG_ERROR, "reload-refused", LOG_STR("why", *errors));
		config_unref(config);
		sd_notify(0, "READY=1");
		return -1;
	}
	restart = config_needs_restart(arena, program.first_config, config);
	if (restart.len > 0)
		log_event(LOG_WARNING, "reload-needs-restart", LOG_STR("keys", restart));
	set_log_level(config);
	server_switch_config(&program.server, config);
	admin_switch_config(program.admin, config);
	config_unref(program.config);
	program.config = config;
	log_event(LOG_INFO, "reloaded");
	sd_notify(0, "READY=1");
	*errors = restart;
	return 0;
}

void
program_stop(void)
{
	loop_stop(program.loop);
}

static void
end(bool is_restart)
{
	atomic_store(&program.is_restart, is_restart);
	loop_stop(program.loop);
}

/* As if it had been started anew, with the rights that are left. */
static void
restart(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv("/proc/self/exe", program.argv);
	fprintf(stderr, "recadod: cannot start again: %s\n", strerror(errno));
}

static void
on_signal(struct watch *watch, uint32_t events UNUSED)
{
	struct signalfd_siginfo info;

	if (read(watch->fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP) {
		struct arena *arena = arena_new();
		struct str errors;

		if (program_reload(arena, &errors) < 0)
			errors = STR_NONE; /* it has been logged */
		arena_free(arena);
	} else {
		log_event(LOG_INFO, "stopping", LOG_INT("signal", info.ssi_signo));
		loop_stop(program.loop);
	}
}

static int
watch_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	/* Before any thread is made, so that all inherit it. */
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	program.signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	program.signals.ready = on_signal;
	if (program.signals.fd < 0)
		return -1;
	loop_watch(program.loop, &program.signals, EPOLLIN);
	return 0;
}

static void
feed_watchdog(struct timer *timer)
{
	sd_notify(0, "WATCHDOG=1");
	timer_set(program.loop, timer, loop_now_ms(program.loop) + program.watchdog_ms);
}

struct identity {
	bool is_other; /* than the one we were started with */
	uid_t uid;
	gid_t gid;
};

/* Whom to become: nobody else, unless root started us and the configuration names somebody. */
static int
find_identity(const struct config *config, struct identity *out, struct arena *arena,
	      struct str *why)
{
	struct passwd *user;
	struct group *group;

	*out = (struct identity){0};
	if (config->user.len == 0 || geteuid() != 0)
		return 0;
	user = getpwnam(config->user.p);
	group = config->group.len > 0 ? getgrnam(config->group.p) : NULL;
	if (user == NULL || (config->group.len > 0 && group == NULL)) {
		*why = arena_printf(arena, "no such user or group: %s %s", config->user.p,
				    config->group.p ? config->group.p : "");
		return -1;
	}
	*out = (struct identity){true, user->pw_uid, group ? group->gr_gid : user->pw_gid};
	return 0;
}

static int
wear(const struct identity *identity, bool for_good, struct arena *arena, struct str *why)
{
	bool ok = !identity->is_other || setgroups(1, &identity->gid) == 0;

	if (ok && identity->is_other && for_good)
		ok = setgid(identity->gid) == 0 && setuid(identity->uid) == 0;
	else if (ok && identity->is_other)
		ok = setegid(identity->gid) == 0 && seteuid(identity->uid) == 0;
	if (!ok)
		*why = arena_printf(arena, "cannot become the configured user: %s",
				    strerror(errno));
	return ok ? 0 : -1;
}

static int
be_root_again(const struct identity *identity)
{
	return identity->is_other && (seteuid(0) < 0 || setegid(0) < 0) ? -1 : 0;
}

/* Each session is a descriptor: as many as the system allows. */
static void
raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/*
 * Files are made as the user that the server will be, so that the next start can read them; ports
 * are opened as root; then there is no way back.
 */
static int
open_all(struct arena *arena, struct str *why)
{
	struct config *config = program.config;
	struct identity identity;

	if (find_identity(config, &identity, arena, why) < 0 ||
	    wear(&identity, false, arena, why) < 0 ||
	    server_open(&program.server, config, "sqlite", arena, why) < 0 ||
	    admin_open(&program.server, program.loop, config, &program.admin, arena, why) < 0)
		return -1;
	if (be_root_again(&identity) < 0 ||
	    running_open(&program.server, config, &program.running, arena, why) < 0 ||
	    wear(&identity, true, arena, why) < 0)
		return -1;
	program.certificates_changed = certificates_change(config);
	return running_start(program.running);
}

static void
start_timers(void)
{
	uint64_t now = loop_now_ms(program.loop), us;

	program.certificates.run = look_at_certificates;
	timer_set(program.loop, &program.certificates, now + CERTIFICATE_LOOK_MS);
	if (sd_watchdog_enabled(0, &us) > 0) {
		program.watchdog_ms = us / 2000;
		program.watchdog.run = feed_watchdog;
		timer_set(program.loop, &program.watchdog, now);
	}
}

static int
serve(void)
{
	struct arena *arena = arena_new();
	struct str why = STR("cannot start a thread");
	int rc = EXIT_FAILURE;

	raise_descriptor_limit();
	program.loop = loop_new();
	program.server.end = end;
	if (watch_signals() < 0 || open_all(arena, &why) < 0) {
		log_event(LOG_ERROR, "start-failed", LOG_STR("why", why));
	} else {
		start_timers();
		log_event(LOG_INFO, "started", LOG_Z("version", RECADO_VERSION),
			  LOG_INT("workers", program.server.worker_count));
		sd_notify(0, "READY=1");
		loop_run(program.loop);
		if (!atomic_load(&program.is_restart))
			sd_notify(0, "STOPPING=1");
		running_stop(program.running);
		log_event(LOG_INFO, "stopped");
		rc = EXIT_SUCCESS;
	}
	admin_close(program.admin);
	running_free(program.running);
	server_close(&program.server);
	timer_cancel(program.loop, &program.certificates);
	timer_cancel(program.loop, &program.watchdog);
	loop_watch(program.loop, &program.signals, 0);
	loop_free(program.loop);
	arena_free(arena);
	return rc;
}

static int
load_and_serve(bool check_only)
{
	struct arena *arena = arena_new();
	struct str errors;
	int rc = EXIT_FAILURE;

	if (load_config(program.config_path, &program.config, arena, &errors) < 0) {
		fprintf(stderr, "%.*s", STR_ARG(errors));
	} else if (check_only) {
		printf("%s: no faults\n", program.config_path);
		rc = EXIT_SUCCESS;
	} else {
		set_log_level(program.config);
		program.first_config = config_ref(program.config);
		rc = serve();
		config_unref(program.first_config);
	}
	config_unref(program.config);
	arena_free(arena);
	arena_thread_end();
	if (rc == EXIT_SUCCESS && atomic_load(&program.is_restart)) {
		restart();
		rc = EXIT_FAILURE;
	}
	return rc;
}

static int
print_manual(const char *format)
{
	size_t count;
	const struct config_module *known = modules_for_config(&count);

	if (strcmp(format, "markdown") != 0 && strcmp(format, "mdoc") != 0) {
		fprintf(stderr, "recadod: the manual comes as markdown or mdoc\n");
		return EXIT_FAILURE;
	}
	config_write_manual(stdout, format[1] == 'a' ? MANUAL_MARKDOWN : MANUAL_MDOC, known, count);
	return EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
	struct command_line line;

	modules_init();
	command_line_read(argc, argv, &line);
	program.config_path = line.config_path;
	program.argv = argv;
	switch (line.action) {
	case ACTION_SERVE:
	case ACTION_CHECK_CONFIG:
		return load_and_serve(line.action == ACTION_CHECK_CONFIG);
	case ACTION_HOOKS:
		hooks_print();
		return EXIT_SUCCESS;
	case ACTION_CONFIG_MANUAL:
		return print_manual(line.argument);
	case ACTION_XEPS:
		return specs_print(line.argument);
	case ACTION_VERSION:
		printf("recadod " RECADO_VERSION "\n");
		return EXIT_SUCCESS;
	case ACTION_HELP:
		command_line_help();
		return EXIT_SUCCESS;
	case ACTION_USAGE:
		break;
	}
	return 2;
}
