/* SPDX-License-Identifier: MIT */
/*
 * main.c - recado-bench, a load generator for XMPP servers: it measures Recado and its peers alike.
 */
#include "bench/modes.h"

#include <signal.h>
#include <string.h>

static const struct {
	const char *name;
	int (*run)(const struct options *options, struct report *report);
} modes[] = {
	{"idle", mode_idle},     {"login", mode_login},       {"chat", mode_chat},
	{"iq", mode_iq},         {"presence", mode_presence}, {"check", mode_check},
	{"mobile", mode_mobile}, {"archive", mode_archive},   {"resume", mode_resume},
	{"room", mode_room},     {"storm", mode_storm},
};

int
main(int argc, char **argv)
{
	struct options options;
	struct report report;
	int rc = options_parse(&options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 2 : 0;
	signal(SIGPIPE, SIG_IGN);
	for (unsigned i = 0; i < COUNT(modes); i++) {
		if (strcmp(options.mode, modes[i].name) != 0)
			continue;
		report_begin(&report, &options, stdout);
		rc = modes[i].run(&options, &report);
		report_text(&report, "result", rc == 0 ? "ok" : "failed");
		report_end(&report);
		return rc == 0 ? 0 : 1;
	}
	fprintf(stderr, "recado-bench: there is no mode %s; try --help\n", options.mode);
	return 2;
}
