/* SPDX-License-Identifier: MIT */
/*
 * erl_data.h - reading terms that were written as Erlang source (io:format "~p."), without running
 * anything: atoms, numbers, strings, binaries, and tuples and lists of these.
 */
#pragma once

#include "base/arena.h"

enum erl_type {
	ERL_ATOM,
	ERL_NUMBER, /* text: as it is written */
	ERL_BINARY,
	ERL_STRING, /* "text": a list of characters */
	ERL_LIST,
	ERL_TUPLE,
	ERL_OTHER, /* a map, a process, a function: nothing that is kept of accounts */
};

struct erl_value {
	enum erl_type type;
	struct str text;         /* of an atom, number, binary, string */
	struct erl_value *items; /* of a list or tuple, in order */
	size_t count;
	struct erl_value *next;
};

/*
 * The next term, up to its ".", which is taken off *REST. Returns 1, 0 at the end, or -1 with *WHY
 * a constant phrase. All is in ARENA or a view of *REST.
 */
MUST_CHECK int erl_read_term(struct arena *arena, struct str *rest, struct erl_value *out,
			     const char **why);

/* The item at INDEX of a list or tuple, or NULL; VALUE may be NULL. */
const struct erl_value *erl_at(const struct erl_value *value, size_t index);
/* Whether VALUE is a tuple of COUNT items (0: any) that begins with the atom NAME. */
bool erl_is_record(const struct erl_value *value, const char *name, size_t count);
bool erl_is_atom(const struct erl_value *value, const char *name);
/* The text of a binary, string, atom or number; STR_NONE of anything else. */
struct str erl_text(const struct erl_value *value);
/* A whole number that is not negative and not more than MAX. Returns 0 or -1. */
MUST_CHECK int erl_number(const struct erl_value *value, uint64_t max, uint64_t *out);
