/* SPDX-License-Identifier: MIT */
/* dial_targets.c - the order of SRV targets (RFC 2782), and addresses of private networks. */
#include "io/dial.h"

#include "base/rand.h"

#include <arpa/inet.h>

static void
swap(struct dial_target *a, struct dial_target *b)
{
	struct dial_target copy = *a;

	*a = *b;
	*b = copy;
}

/* The one of TARGETS, all of one priority, that chance gives the first place. */
static size_t
draw(const struct dial_target *targets, size_t count)
{
	uint64_t sum = 0, at;

	for (size_t i = 0; i < count; i++)
		sum += targets[i].weight;
	if (sum == 0)
		return (size_t)rand_below(count);
	at = rand_below(sum + 1);
	/* Those of weight 0 come first, and so have a small chance. */
	for (size_t i = 0; i < count; i++)
		if (targets[i].weight == 0 && at == 0)
			return i;
	for (size_t i = 0; i < count; i++) {
		if (targets[i].weight >= at && targets[i].weight > 0)
			return i;
		at -= targets[i].weight;
	}
	return 0;
}

void
dial_order(struct dial_target *targets, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t same = i + 1;

		for (size_t k = i + 1; k < count; k++)
			if (targets[k].priority < targets[i].priority)
				swap(&targets[i], &targets[k]);
		for (size_t k = i + 1; k < count; k++)
			if (targets[k].priority == targets[i].priority)
				swap(&targets[same++], &targets[k]);
		swap(&targets[i], &targets[i + draw(targets + i, same - i)]);
	}
}

static const struct {
	uint32_t network;
	unsigned bits;
} private_v4[] = {
	{0x00000000, 8},  {0x0a000000, 8},  {0x64400000, 10}, {0x7f000000, 8},
	{0xa9fe0000, 16}, {0xac100000, 12}, {0xc0000000, 24}, {0xc0a80000, 16},
	{0xc6120000, 15}, {0xe0000000, 4},  {0xf0000000, 4},
};

static bool
is_private_v4(uint32_t address)
{
	for (size_t i = 0; i < COUNT(private_v4); i++)
		if ((address ^ private_v4[i].network) >> (32 - private_v4[i].bits) == 0)
			return true;
	return false;
}

static bool
is_private_v6(const struct in6_addr *address)
{
	static const unsigned char nat64[12] = {0x00, 0x64, 0xff, 0x9b}, none[12] = {0};
	const unsigned char *b = address->s6_addr;
	uint32_t v4 = (uint32_t)b[12] << 24 | (uint32_t)b[13] << 16 | (uint32_t)b[14] << 8 | b[15];

	/* An IPv4 address in another dress; ::1 and :: are in 0.0.0.0/8 so. */
	if (IN6_IS_ADDR_V4MAPPED(address) || memcmp(b, nat64, 12) == 0 || memcmp(b, none, 12) == 0)
		return is_private_v4(v4);
	return (b[0] & 0xfe) == 0xfc || (b[0] == 0xfe && (b[1] & 0xc0) == 0x80) ||
	       (b[0] == 0xfe && (b[1] & 0xc0) == 0xc0) || b[0] == 0xff;
}

bool
dial_is_private(const union dial_address *address)
{
	if (address->any.sa_family == AF_INET)
		return is_private_v4(ntohl(address->v4.sin_addr.s_addr));
	return is_private_v6(&address->v6.sin6_addr);
}
