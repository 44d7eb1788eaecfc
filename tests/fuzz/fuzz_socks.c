/* SPDX-License-Identifier: MIT */
/*
 * fuzz_socks.c - what comes to the port of the proxy (XEP-0065): in pieces of any size it means the
 * same, and a name that was asked for is 40 hexadecimal digits.
 *
 * Input: one byte for the size of the pieces, then the peer's bytes.
 */
#include "modules/xep0065_proxy/proxy.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
need(bool claim)
{
	if (!claim)
		abort();
}

/* As the connection does: what was not taken is offered again, with more. */
static enum socks_event
read_all(struct str input, size_t piece, struct socks *socks, struct buf *out, size_t *taken)
{
	enum socks_event event = SOCKS_MORE;
	size_t end = 0;

	*taken = 0;
	while (event == SOCKS_MORE && end < input.len) {
		struct str rest;

		end = MIN(input.len, end + piece);
		rest = str_of(input.p + *taken, end - *taken);
		event = socks_next(socks, &rest, out);
		*taken = end - rest.len;
	}
	return event;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct socks whole = {0}, parts = {0};
	struct buf out_whole = {0}, out_parts = {0};
	size_t taken_whole, taken_parts;
	enum socks_event event;
	struct str input;

	if (size < 2)
		return 0;
	input = str_of(data + 1, size - 1);
	event = read_all(input, size, &whole, &out_whole, &taken_whole);
	need(read_all(input, 1 + data[0] % 16, &parts, &out_parts, &taken_parts) == event);
	need(str_equal(buf_str(&out_whole), buf_str(&out_parts)));
	if (event == SOCKS_ASKED) {
		need(taken_whole == taken_parts && strlen(whole.name) == PROXY_NAME_LEN &&
		     strspn(whole.name, "0123456789abcdef") == PROXY_NAME_LEN &&
		     strcmp(whole.name, parts.name) == 0);
	}
	buf_free(&out_whole);
	buf_free(&out_parts);
	return 0;
}
