/* SPDX-License-Identifier: MIT */
/* scan.c - counting tags; quoted values may hold '>'. */
#include "bench/scan.h"

/* The index of the '>' that ends the tag which starts at FROM, or -1. */
static ptrdiff_t
tag_end(struct str bytes, size_t from)
{
	char quote = 0;

	for (size_t i = from + 1; i < bytes.len; i++) {
		char c = bytes.p[i];

		if (quote != 0) {
			if (c == quote)
				quote = 0;
		} else if (c == '>') {
			return (ptrdiff_t)i;
		} else if (c == '"' || c == '\'') {
			quote = c;
		}
	}
	return -1;
}

/* Counts the tag bytes[start..end] and tells what it completes; SCAN_MORE: nothing. */
static enum scan_item
take_tag(struct scan *scan, struct str bytes, size_t start, size_t end)
{
	if (bytes.p[start + 1] == '?') /* the XML declaration; only before the stream */
		return scan->depth == 0 ? SCAN_MORE : SCAN_BAD;
	if (bytes.p[start + 1] == '!')
		return SCAN_BAD;
	if (bytes.p[start + 1] == '/') {
		if (scan->depth == 0)
			return SCAN_BAD;
		scan->depth--;
		return scan->depth == 0 ? SCAN_END : scan->depth == 1 ? SCAN_STANZA : SCAN_MORE;
	}
	if (bytes.p[end - 1] == '/')
		return scan->depth == 0 ? SCAN_BAD : scan->depth == 1 ? SCAN_STANZA : SCAN_MORE;
	scan->depth++;
	return scan->depth == 1 ? SCAN_HEADER : SCAN_MORE;
}

enum scan_item
scan_next(struct scan *scan, struct str bytes, struct str *item, size_t *used)
{
	while (scan->at < bytes.len) {
		const char *open = memchr(bytes.p + scan->at, '<', bytes.len - scan->at);
		size_t start = open != NULL ? (size_t)(open - bytes.p) : bytes.len;
		ptrdiff_t end = open != NULL ? tag_end(bytes, start) : -1;
		enum scan_item what;

		scan->at = start;
		if (end < 0)
			return SCAN_MORE;
		scan->at = (size_t)end + 1;
		what = take_tag(scan, bytes, start, (size_t)end);
		if (what == SCAN_MORE)
			continue;
		*item = str_first(bytes, scan->at);
		*item = str_from(*item, (size_t)str_find(*item, '<'));
		*used = scan->at;
		scan->at = 0;
		return what;
	}
	return SCAN_MORE;
}

static const char *
find(struct str text, const char *needle)
{
	return text.len > 0 ? memmem(text.p, text.len, needle, strlen(needle)) : NULL;
}

struct str
scan_attribute(struct str stanza, const char *name)
{
	size_t len = strlen(name);
	ptrdiff_t end = tag_end(stanza, 0);
	struct str tag = str_first(stanza, end < 0 ? 0 : (size_t)end);
	const char *hit = tag.p;

	while ((hit = find(str_of(hit, (size_t)(tag.p + tag.len - hit)), name)) != NULL) {
		struct str rest = str_from(tag, (size_t)(hit - tag.p) + len);

		if (hit > tag.p && strchr(" \t\r\n", hit[-1]) != NULL && rest.len >= 2 &&
		    rest.p[0] == '=') {
			ptrdiff_t close = str_find(str_from(rest, 2), rest.p[1]);

			return close < 0 ? STR_NONE : str_of(rest.p + 2, (size_t)close);
		}
		hit += len;
	}
	return STR_NONE;
}

struct str
scan_between(struct str stanza, const char *before, const char *after)
{
	const char *start = find(stanza, before), *end;

	if (start == NULL)
		return STR_NONE;
	start += strlen(before);
	end = find(str_of(start, (size_t)(stanza.p + stanza.len - start)), after);
	return end == NULL ? STR_NONE : str_of(start, (size_t)(end - start));
}

bool
scan_contains(struct str stanza, const char *text)
{
	return find(stanza, text) != NULL;
}

bool
scan_is(struct str stanza, const char *name)
{
	size_t len = strlen(name);

	return stanza.len > len + 1 && memcmp(stanza.p + 1, name, len) == 0 &&
	       strchr(" \t\r\n/>", stanza.p[len + 1]) != NULL;
}
