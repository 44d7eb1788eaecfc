/* SPDX-License-Identifier: MIT */
/*
 * sasl2.h - the elements of the Extensible SASL Profile (XEP-0388): what a client asks for, and
 * what it is answered. Which of them may come when is the stream's and its owner's business.
 */
#pragma once

#include "base/buf.h"
#include "xmpp/element.h"
#include "xmpp/sasl.h"

#define NS_SASL2 "urn:xmpp:sasl:2"

#define SASL2_AGENT_ID_SIZE 36u /* of a UUID's text (RFC 9562 §4) */
#define SASL2_AGENT_TEXT_MAX                                                                       \
	128u /* bytes of a device's or a software's name that are looked at                        \
	      */

struct sasl2_request { /* <authenticate/>, §2.3 */
	struct str mechanism;
	struct str data;     /* decoded; p NULL: no <initial-response/> */
	bool data_is_bad;    /* not base64: <incorrect-encoding/> */
	struct str agent_id; /* lower case; p NULL: none */
	/* Of <user-agent/>, for the user to know a device by; empty: not told. Cut to
	 * SASL2_AGENT_TEXT_MAX. */
	struct str software, device;
};

/*
 * Reads EL, which is <authenticate/>; all that *OUT points to lives in ARENA, where data may hold a
 * password. Returns 0, or -1 with *WHY: <malformed-request/>. A <user-agent/> whose id is no UUID
 * is malformed (§2.3).
 */
MUST_CHECK int sasl2_read_authenticate(struct arena *arena, const struct element *el,
				       struct sasl2_request *out, const char **why);
/* The base64 that is EL's text, decoded: of <initial-response/>, <response/>. Returns 0 or -1. */
MUST_CHECK int sasl2_read_data(struct arena *arena, const struct element *el, struct str *out);

void sasl2_write_challenge(struct buf *out, struct str data);
/* TEXT for people, or NULL. */
void sasl2_write_failure(struct buf *out, enum sasl_failure failure, const char *text);
/* One task at a time (XEP-0480 §2.2). DATA: of the mechanism that succeeded; p NULL: none. */
void sasl2_write_continue(struct buf *out, struct str data, const char *task);
/* <success/> in ARENA, to which answers are appended. DATA p NULL: none. */
struct element *sasl2_success(struct arena *arena, struct str data, struct str jid);
