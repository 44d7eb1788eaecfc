/* SPDX-License-Identifier: MIT */
/*
 * fuzz_pie.c - documents of XEP-0227: the reader ends, says why when it refuses, and finds the same
 * in one piece as in pieces of a size that the first byte says.
 */
#include "base/buf.h"
#include "xmpp/xep/pie.h"
#include "xmpp/xml_writer.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_in_pieces(struct buf *out, const char *outer, struct str text, size_t size)
{
	struct pie_reader *reader = pie_reader_new(outer);
	enum pie_event event = PIE_MORE;

	while (text.len > 0 && event != PIE_END && event != PIE_WRONG) {
		struct str input = str_first(text, size);

		text = str_from(text, size);
		do {
			struct arena *arena;
			struct element *el;

			event = pie_next(reader, &input, &arena, &el);
			if ((el != NULL) != (arena != NULL))
				abort();
			if (event == PIE_WRONG && pie_why(reader) == NULL)
				abort();
			if (event != PIE_MORE)
				buf_add_char(out, (char)('a' + (int)event));
			if (el != NULL)
				xml_write(out, el, STR_NONE);
			arena_free(arena);
		} while (event != PIE_MORE && event != PIE_END && event != PIE_WRONG);
	}
	pie_reader_free(reader);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const outers[] = {NULL, "host", "server-data"};
	struct buf whole = {0}, pieces = {0};
	struct str text = str_from(str_of(data, size), 1);

	if (size < 2)
		return 0;
	read_in_pieces(&whole, outers[data[0] % 3], text, text.len);
	read_in_pieces(&pieces, outers[data[0] % 3], text, (size_t)data[0] / 3 + 1);
	if (!str_equal(buf_str(&whole), buf_str(&pieces)))
		abort();
	buf_free(&whole);
	buf_free(&pieces);
	return 0;
}
