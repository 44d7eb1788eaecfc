/* SPDX-License-Identifier: MIT */
/*
 * fuzz_jid.c - preparation of addresses: any bytes are refused or become text that is valid, within
 * its limits, and its own prepared form; the fast path and the profiles agree.
 */
#include "base/utf8.h"
#include "xmpp/jid.h"
#include "xmpp/prep.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef int prepare_fn(struct arena *arena, struct str text, struct str *out, const char **why);

static void
need(bool claim)
{
	if (!claim)
		abort();
}

static void
check_part(struct arena *arena, prepare_fn *prepare, struct str in)
{
	const char *why = NULL;
	struct str out, again;

	if (prepare(arena, in, &out, &why) < 0) {
		need(why != NULL);
		return;
	}
	need(out.len > 0 && out.len <= JID_PART_MAX && utf8_is_valid(out));
	need(memchr(out.p, 0, out.len) == NULL);
	need(prepare(arena, out, &again, &why) == 0);
	need(str_equal(out, again));
}

/* The table of jid.c must be as the profile behind it, but for what localparts exclude. */
static void
check_fast_path(struct arena *arena, struct str in)
{
	struct str fast, slow;
	const char *why;

	if (jid_prepare_local(arena, in, &fast, &why) == 0)
		need(prep_username(arena, in, &slow, &why) == 0 && str_equal(fast, slow));
	if (jid_prepare_resource(arena, in, &fast, &why) == 0)
		need(prep_opaque(arena, in, &slow, &why) == 0 && str_equal(fast, slow));
	if (in.len > 0 && in.p[0] != '[' && jid_prepare_domain(arena, in, &fast, &why) == 0)
		need(prep_domain(arena, in, &slow, &why) == 0 && str_equal(fast, slow));
}

static void
check_whole(struct arena *arena, struct str in)
{
	struct jid jid, again;
	const char *why;

	if (jid_parse(arena, in, &jid, &why) < 0)
		return;
	need(jid.domain.len > 0 && jid.text.len <= JID_MAX);
	need(jid_parse(arena, jid.text, &again, &why) == 0);
	need(jid_equal(jid, again) && str_equal(jid.local, again.local) &&
	     str_equal(jid.domain, again.domain) && str_equal(jid.resource, again.resource));
	need(str_equal(jid_bare_text(jid), jid_bare(jid).text));
	if (jid.local.len > 0 && jid_check_new_account(arena, jid.local, &why) == 0)
		need(prep_check_nodeprep(jid.local, &why) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct str in = str_of(data, size);

	check_part(arena, jid_prepare_local, in);
	check_part(arena, jid_prepare_domain, in);
	check_part(arena, jid_prepare_resource, in);
	check_part(arena, password_prepare, in);
	check_fast_path(arena, in);
	check_whole(arena, in);
	if (size > 0 && utf8_is_valid(in))
		(void)prep_skeleton(arena, in);
	arena_free(arena);
	return 0;
}
