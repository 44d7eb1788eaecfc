/* SPDX-License-Identifier: MIT */
/*
 * ctl.h - recadoctl: the table of its commands, and what each run of one gets.
 *
 * The command line, the help, the completion of shells and the manual's list come from the table.
 */
#pragma once

#include "base/arena.h"

#include <stdio.h>

#define DEFAULT_CONFIG "/etc/recado/recado.conf"

enum { /* exit codes; the manual lists them */
       CTL_OK,
       CTL_FAILED,      /* the server, or a check, said no */
       CTL_USAGE,       /* the command line makes no sense */
       CTL_UNREACHABLE, /* no server answers */
};

struct ctl_flag {             /* a table ends with a name that is NULL */
	const char *name;     /* without its dashes */
	const char *argument; /* what it takes, in capitals, or NULL */
	const char *help;
};

struct ctl;

struct ctl_command {          /* the same */
	const char *words;    /* "account add" */
	const char *operands; /* "ADDRESS...", for people */
	unsigned min_operands, max_operands;
	const char *help;
	const struct ctl_flag *flags; /* may be NULL */
	int (*run)(struct ctl *ctl);  /* returns an exit code */
};

struct ctl {
	struct arena *arena;
	const char *program;
	const char *socket_path; /* NULL: as the configuration says */
	const char *config_path;
	bool json;
	const struct ctl_command *command;
	const char **operands;
	size_t operand_count;
	const char *flag_values[16]; /* by the flag's index; NULL: not given, "" without argument */
	struct client *client;       /* NULL until it is needed; see client.h */
};

extern const struct ctl_command ctl_commands[];
extern const struct ctl_flag ctl_common_flags[];

/* The value of the command's flag, "" for one without argument, or NULL when it was not given. */
const char *ctl_flag(const struct ctl *ctl, const char *name);

/* To standard error, with the program's name and a line end. Returns CODE. */
int ctl_complain(const struct ctl *ctl, int code, const char *format, ...) PRINTF_LIKE(3, 4);

/* The commands. */
int account_add(struct ctl *ctl);
int account_delete(struct ctl *ctl);
int account_list(struct ctl *ctl);
int account_password(struct ctl *ctl);
int account_import(struct ctl *ctl);
int account_disable(struct ctl *ctl);
int account_enable(struct ctl *ctl);
int device_list(struct ctl *ctl);
int device_revoke(struct ctl *ctl);
int session_list(struct ctl *ctl);
int session_kick(struct ctl *ctl);
int ctl_s2s_list(struct ctl *ctl);
int ctl_s2s_close(struct ctl *ctl);
int ctl_s2s_check(struct ctl *ctl);
int ctl_room_list(struct ctl *ctl);
int ctl_room_show(struct ctl *ctl);
int ctl_room_create(struct ctl *ctl);
int ctl_room_destroy(struct ctl *ctl);
int ctl_room_affiliations(struct ctl *ctl);
int ctl_room_affiliate(struct ctl *ctl);
int ctl_room_announce(struct ctl *ctl);
int push_list(struct ctl *ctl);
int push_failures(struct ctl *ctl);
int ctl_pubsub_list(struct ctl *ctl);
int ctl_pubsub_delete(struct ctl *ctl);
int backup_make(struct ctl *ctl);
int backup_check(struct ctl *ctl);
int backup_put_back(struct ctl *ctl);
int server_status(struct ctl *ctl);
int server_reload(struct ctl *ctl);
int server_announce(struct ctl *ctl);
int server_stop(struct ctl *ctl);
int server_log_level(struct ctl *ctl);
int ctl_export(struct ctl *ctl);
int ctl_import(struct ctl *ctl);
int check_all(struct ctl *ctl);
int print_help(struct ctl *ctl);
int print_completion(struct ctl *ctl);
int print_version(struct ctl *ctl);
