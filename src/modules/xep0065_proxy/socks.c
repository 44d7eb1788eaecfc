/* SPDX-License-Identifier: MIT */
/* socks.c - SOCKS5 without authentication, CONNECT to a name of 40 hexadecimal digits, port 0. */
#include "modules/xep0065_proxy/proxy.h"

#define VERSION 5
#define REQUEST_LEN (5u + PROXY_NAME_LEN + 2u)

static unsigned char
byte(struct str text, size_t at)
{
	return (unsigned char)text.p[at];
}

/* RFC 1928 §3: version, how many methods, the methods; 0 is none. */
static enum socks_event
read_greeting(struct socks *socks, struct str *input, struct buf *out)
{
	size_t count;
	bool offers_none = false;

	if (input->len > 0 && byte(*input, 0) != VERSION)
		return SOCKS_WRONG;
	if (input->len < 2 || input->len < 2u + byte(*input, 1))
		return SOCKS_MORE;
	count = byte(*input, 1);
	for (size_t i = 0; i < count; i++)
		offers_none |= byte(*input, 2 + i) == 0;
	*input = str_from(*input, 2 + count);
	buf_add(out, offers_none ? str_of("\x05\x00", 2) : str_of("\x05\xff", 2));
	socks->has_greeted = offers_none;
	return offers_none ? SOCKS_MORE : SOCKS_WRONG;
}

/* §4: version, CONNECT, reserved, a domain name of 40 bytes, and a port that is 0. */
static enum socks_event
read_request(struct socks *socks, struct str *input, struct buf *out)
{
	static const unsigned char head[] = {VERSION, 1, 0, 3, PROXY_NAME_LEN};

	for (size_t i = 0; i < sizeof(head) && i < input->len; i++) {
		if (byte(*input, i) == head[i])
			continue;
		/* §6: command or address type not supported; nothing is bound. */
		buf_add(out, str_of(i == 1 ? "\x05\x07\x00\x01\0\0\0\0\0\0"
					   : "\x05\x08\x00\x01\0\0\0\0\0\0",
				    10));
		return SOCKS_WRONG;
	}
	if (input->len < REQUEST_LEN)
		return SOCKS_MORE;
	for (size_t i = 0; i < PROXY_NAME_LEN; i++) {
		unsigned char c = byte(*input, sizeof(head) + i);

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return SOCKS_WRONG;
	}
	if (byte(*input, REQUEST_LEN - 2) != 0 || byte(*input, REQUEST_LEN - 1) != 0)
		return SOCKS_WRONG;
	memcpy(socks->name, input->p + sizeof(head), PROXY_NAME_LEN);
	socks->name[PROXY_NAME_LEN] = '\0';
	*input = str_from(*input, REQUEST_LEN);
	return SOCKS_ASKED;
}

enum socks_event
socks_next(struct socks *socks, struct str *input, struct buf *out)
{
	if (!socks->has_greeted) {
		enum socks_event event = read_greeting(socks, input, out);

		if (event != SOCKS_MORE || !socks->has_greeted)
			return event;
	}
	return read_request(socks, input, out);
}

void
socks_grant(const struct socks *socks, struct buf *out)
{
	buf_add(out, str_of("\x05\x00\x00\x03\x28", 5));
	buf_addz(out, socks->name);
	buf_add(out, str_of("\0\0", 2));
}
