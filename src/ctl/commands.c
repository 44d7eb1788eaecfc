/* SPDX-License-Identifier: MIT */
/* commands.c - THE table of recadoctl's commands. */
#include "ctl/ctl.h"
#include "ctl/password.h"

#define MANY 100000u
#define FLAGS(...) ((const struct ctl_flag[]){__VA_ARGS__, {0}})

const struct ctl_command ctl_commands[] = {
	{"account add", "ADDRESS", 1, 1, "make an account", FLAGS(PASSWORD_FLAGS), account_add},
	{"account delete", "ADDRESS...", 1, MANY, "delete accounts with all that belongs to them",
	 FLAGS({"yes", NULL, "do not ask whether that is meant"}), account_delete},
	{"account list", "[HOST]", 0, 1, "list the accounts", NULL, account_list},
	{"account password", "ADDRESS", 1, 1, "set a new password, and end the sessions",
	 FLAGS(PASSWORD_FLAGS), account_password},
	{"account import", "FILE", 1, 1,
	 "make an account for each line of FILE (-: standard input): an address, a tab or comma, "
	 "and the password; or JSON",
	 FLAGS({"update", NULL, "give accounts that are there already the new password"}),
	 account_import},
	{"device list", "ADDRESS", 1, 1, "list the devices that have access to an account", NULL,
	 device_list},
	{"device revoke", "ADDRESS ID", 2, 2,
	 "end the sessions of a device, and the tokens that it logs in with", NULL, device_revoke},
	{"session list", "[HOST|ADDRESS]", 0, 1, "list who is logged in", NULL, session_list},
	{"session kick", "ADDRESS...", 1, MANY,
	 "end a session, or with an address without resource all of that account",
	 FLAGS({"reason", "TEXT", "what the client is told"}), session_kick},
	{"room list", "[HOST]", 0, 1, "list the rooms of a host", NULL, ctl_room_list},
	{"room show", "ROOM", 1, 1, "show a room and who is in it", NULL, ctl_room_show},
	{"room create", "ROOM OWNER", 2, 2, "make a room that stays",
	 FLAGS({"name", "TEXT", "what people see"}), ctl_room_create},
	{"room destroy", "ROOM", 1, 1, "destroy a room, with all that was said in it",
	 FLAGS({"reason", "TEXT", "what the occupants are told"}), ctl_room_destroy},
	{"room affiliations", "ROOM", 1, 1, "list owners, admins, members and banned", NULL,
	 ctl_room_affiliations},
	{"room affiliate", "ROOM ADDRESS AFFILIATION", 3, 3,
	 "make somebody owner, admin, member, none or outcast of a room", NULL, ctl_room_affiliate},
	{"room announce", "TEXT", 1, 1,
	 "say something in the name of all rooms with people in them",
	 FLAGS({"room", "ROOM", "in that room only"}), ctl_room_announce},
	{"push list", "ADDRESS", 1, 1, "list the push services that an account has enabled", NULL,
	 push_list},
	{"push failures", "", 0, 0, "list what push services refused lately, the newest first",
	 NULL, push_failures},
	{"status", "", 0, 0, "show what the server does", NULL, server_status},
	{"reload", "", 0, 0, "read configuration and certificates again, all or nothing", NULL,
	 server_reload},
	{"stop", "", 0, 0, "stop the server", NULL, server_stop},
	{"log-level", "[LEVEL]", 0, 1,
	 "show or set what is logged until the next start: error, warning, info or debug", NULL,
	 server_log_level},
	{"check", "", 0, 0,
	 "look at configuration, certificates, ports, files and DNS, with or without a server",
	 FLAGS({"no-dns", NULL, "do not ask the DNS"},
	       {"nameserver", "ADDRESS",
		"ask this name server, not the system's (IPv4, or IPv4:port)"}),
	 check_all},
	{"help", "[COMMAND...]", 0, 2, "explain the commands", NULL, print_help},
	{"completion", "SHELL", 1, 1, "print the completion for bash, zsh or fish", NULL,
	 print_completion},
	{"version", "", 0, 0, "print the version", NULL, print_version},
	{0},
};

const struct ctl_flag ctl_common_flags[] = {
	{"socket", "PATH", "the server's control socket"},
	{"config", "FILE", "the server's configuration (default: " DEFAULT_CONFIG ")"},
	{"json", NULL, "answer in JSON, one object a line"},
	{"help", NULL, "explain the command"},
	{0},
};
