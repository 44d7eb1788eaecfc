/* SPDX-License-Identifier: MIT */
/* xep0478_limits.c - tells clients how large a stanza may be, and how long a silence (XEP-0478). */
#include "server/module.h"

#define NS_LIMITS "urn:xmpp:stream-limits:0"

static void
write_features(struct worker *worker, const struct config_host *host UNUSED,
	       const struct option_values *options UNUSED, bool is_authenticated, struct buf *out)
{
	const struct config_limits *limits = &worker->config->limits;
	uint64_t bytes = is_authenticated ? limits->stanza_bytes : limits->stanza_bytes_before_auth;
	uint64_t silence =
		is_authenticated ? worker->config->sessions.silent_after : limits->auth_timeout;

	buf_addz(out, "<limits xmlns='" NS_LIMITS "'>");
	if (bytes > 0)
		buf_printf(out, "<max-bytes>%llu</max-bytes>", (unsigned long long)bytes);
	if (silence > 0)
		buf_printf(out, "<idle-seconds>%llu</idle-seconds>",
			   (unsigned long long)silence / 1000);
	buf_addz(out, "</limits>");
}

const struct module xep0478_limits = {
	.name = "stream_limits",
	.specs = SPECS({"XEP-0478", "0.2.0", SPEC_COMPLETE, NULL}),
	.stream_features = write_features,
};
