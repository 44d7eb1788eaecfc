/* SPDX-License-Identifier: MIT */
/*
 * xml_tokens.c - the state machine over the bytes of one element.
 *
 * It can stop behind every byte and go on there, so no byte is looked at more often than a fixed
 * number of times however the input is cut (SEC-08), and an error is found at the same byte. There
 * is no recursion (SEC-06).
 */
#include "xmpp/xml_scan.h"
#include "xmpp/xml_work.h"

#define DECLARATION_MAX 128 /* bytes */

static enum xml_step
fail_item(struct xml_work *w, int wrong)
{
	switch (wrong) {
	case XML_NOT_UTF8:
		return xml_fail(w, XML_BAD_UTF8, "bytes that are not UTF-8");
	case XML_NOT_REFERENCE:
		return xml_fail(w, XML_NOT_WELL_FORMED, "an ampersand that starts no reference");
	case XML_LONG_REFERENCE:
		return xml_fail(w, XML_NOT_WELL_FORMED, "a reference that is too long");
	case XML_ENTITY:
		return xml_fail(w, XML_RESTRICTED, "an entity that is not predefined");
	default:
		return xml_fail(w, XML_NOT_WELL_FORMED, "a character that XML forbids here");
	}
}

/*
 * Steps over the byte at w->p that ended a run: a reference, a character beyond ASCII, the end of
 * the source, or what may not stand there.
 */
static enum xml_step
step_over(struct xml_work *w)
{
	uint32_t c;
	int len;

	if (w->p == w->end)
		return XML_STEP_CUT;
	if (*w->p == '&') {
		len = xml_reference(w->p, w->end, &c);
		w->needs_decoding = true;
	} else if ((unsigned char)*w->p >= 0x80) {
		/* They come in words. The padding ends the last one. */
		while ((len = xml_char(w->p, w->end)) > 0) {
			w->p += len;
			if ((unsigned char)*w->p < 0x80)
				return XML_STEP_ON;
		}
	} else {
		len = XML_NOT_CHAR;
	}
	if (len == XML_CUT)
		return XML_STEP_CUT;
	if (len < 0)
		return fail_item(w, len);
	w->p += len;
	return XML_STEP_ON;
}

static void
skip_space(struct xml_work *w)
{
	while (xml_byte_is(*w->p, XML_SPACE))
		w->p++;
}

/* To the end of the name that began at w->mark: NAME, or NAME:NAME. */
static enum xml_step
read_name(struct xml_work *w)
{
	for (;;) {
		bool is_start = w->p == w->mark || (w->colon > 0 && w->p == w->mark + w->colon + 1);

		if (xml_byte_is(*w->p, is_start ? XML_NAME_START : XML_NAME)) {
			const char *p = w->p + 1;

			while (xml_byte_is(*p, XML_NAME))
				p++;
			w->p = p;
			is_start = false;
		}
		if (w->p - w->mark > XML_NAME_MAX)
			return xml_fail(w, XML_TOO_LARGE, "a name that is too long");
		if ((unsigned char)*w->p >= 0x80) {
			int len = xml_name_char(w->p, w->end, is_start);

			if (len <= 0)
				return len < 0 ? fail_item(w, len) : XML_STEP_CUT;
			w->p += len;
		} else if (w->p == w->end) {
			return XML_STEP_CUT;
		} else if (*w->p == ':' && !is_start && w->colon == 0) {
			w->colon = (uint32_t)(w->p++ - w->mark);
		} else if (is_start || *w->p == ':') {
			return xml_fail(w, XML_NOT_WELL_FORMED, "not a name");
		} else {
			return XML_STEP_ON;
		}
	}
}

static void
begin_name(struct xml_work *w, enum xml_state state)
{
	w->mark = w->p;
	w->colon = 0;
	w->state = (uint8_t)state;
}

static void
begin_content(struct xml_work *w)
{
	w->mark = w->p;
	w->needs_decoding = false;
	w->state = XML_IN_CONTENT;
}

/* Behind a first-level element, or inside of its parent. */
static enum xml_step
close_element(struct xml_work *w, const char *end_tag)
{
	xml_tree_close(w, end_tag);
	if (w->open == NULL)
		return XML_STEP_ELEMENT;
	begin_content(w);
	return XML_STEP_ON;
}

/* At a '<' and what follows it, with no element open. */
static enum xml_step
read_top(struct xml_work *w)
{
	if (w->end - w->p < 2)
		return XML_STEP_CUT;
	switch (w->p[1]) {
	case '!':
		return xml_fail(w, XML_RESTRICTED, "a comment or document type declaration");
	case '?':
		if (!w->may_declare)
			return xml_fail(w, XML_RESTRICTED, "a processing instruction");
		w->mark = w->p;
		w->p += 2;
		w->state = XML_AT_PI;
		return XML_STEP_ON;
	case '/':
		if (!w->has_root || w->is_header)
			return xml_fail(w, XML_NOT_WELL_FORMED, "an end tag without its start tag");
		w->p += 2;
		begin_name(w, XML_IN_END_NAME);
		return XML_STEP_ON;
	default:
		w->p++;
		begin_name(w, XML_IN_NAME);
		return XML_STEP_ON;
	}
}

/* Only the XML declaration begins in this way, and XMPP knows no other (RFC 6120 §11.1). */
static enum xml_step
read_pi(struct xml_work *w)
{
	static const char start[] = "<?xml";

	for (; w->p < w->end; w->p++) {
		size_t at = (size_t)(w->p - w->mark);

		if (at == sizeof(start) - 1) {
			if (!xml_byte_is(*w->p, XML_SPACE))
				break;
			w->state = XML_IN_DECLARATION;
			return XML_STEP_ON;
		}
		if (*w->p != start[at])
			break;
	}
	return w->p == w->end ? XML_STEP_CUT
			      : xml_fail(w, XML_RESTRICTED, "a processing instruction");
}

static enum xml_step
read_declaration(struct xml_work *w)
{
	for (; w->p < w->end; w->p++) {
		if (*w->p == '>') {
			w->p++;
			return xml_declaration_read(w, str_of(w->mark, (size_t)(w->p - w->mark)));
		}
		if (w->p - w->mark == DECLARATION_MAX || !xml_byte_is(*w->p, XML_TEXT | XML_SPACE))
			return xml_fail(w, XML_NOT_WELL_FORMED, "a bad XML declaration");
	}
	return XML_STEP_CUT;
}

/* At a '<' inside of an element. The text before it ends here, unless CDATA goes on with it. */
static enum xml_step
read_markup(struct xml_work *w)
{
	static const char cdata[] = "<![CDATA[";
	size_t len = MIN((size_t)(w->end - w->p), sizeof(cdata) - 1);

	if (len < 2)
		return XML_STEP_CUT;
	if (w->p[1] == '!') {
		if (memcmp(w->p, cdata, len) != 0)
			return xml_fail(w, XML_RESTRICTED, "a comment");
		if (len < sizeof(cdata) - 1)
			return XML_STEP_CUT;
		w->p += len;
		w->needs_decoding = true;
		w->state = XML_IN_CDATA;
		return XML_STEP_ON;
	}
	if (w->p[1] == '?')
		return xml_fail(w, XML_RESTRICTED, "a processing instruction");
	if (w->p > w->mark && xml_tree_text(w) != XML_STEP_ON)
		return XML_STEP_WRONG;
	if (w->p[1] == '/') {
		w->p += 2;
		begin_name(w, XML_IN_END_NAME);
	} else {
		w->p++;
		begin_name(w, XML_IN_NAME);
	}
	return XML_STEP_ON;
}

/* At "]": 3 when it starts "]]>", 1 when not, 0 when that cannot be told yet. */
static int
brackets(const struct xml_work *w)
{
	for (int i = 1; i < 3; i++) {
		if (w->p + i == w->end)
			return 0;
		if (w->p[i] != "]]>"[i])
			return 1;
	}
	return 3;
}

static enum xml_step
read_content(struct xml_work *w)
{
	for (;;) {
		enum xml_step step = XML_STEP_ON;

		w->p = xml_skip_text(w->p);
		switch (*w->p) {
		case '<':
			return read_markup(w);
		case '\r':
			w->needs_decoding = true;
			w->p++;
			break;
		case ']':
			switch (brackets(w)) {
			case 0:
				return XML_STEP_CUT;
			case 3:
				return xml_fail(w, XML_NOT_WELL_FORMED, "\"]]>\" in text");
			}
			w->p++;
			break;
		default:
			step = step_over(w);
		}
		if (step != XML_STEP_ON)
			return step;
	}
}

static enum xml_step
read_cdata(struct xml_work *w)
{
	for (;;) {
		enum xml_step step = XML_STEP_ON;
		int len;

		w->p = xml_skip_text(w->p);
		switch (*w->p) {
		case '<':
		case '&':
		case '\r':
			w->p++;
			break;
		case ']':
			len = brackets(w);
			w->p += len;
			if (len == 0)
				return XML_STEP_CUT;
			if (len == 3) {
				w->state = XML_IN_CONTENT;
				return XML_STEP_ON;
			}
			break;
		default:
			step = step_over(w);
		}
		if (step != XML_STEP_ON)
			return step;
	}
}

static enum xml_step
read_value(struct xml_work *w)
{
	for (;;) {
		w->p = xml_skip_value(w->p);
		if (*w->p == w->quote) {
			enum xml_step step = xml_tree_value(w);

			w->p++;
			return step;
		}
		if (*w->p == '\'' || *w->p == '"') {
			w->p++;
		} else if (xml_byte_is(*w->p, XML_SPACE)) {
			w->needs_decoding = true; /* a tab or line end becomes a space */
			w->p++;
		} else {
			enum xml_step step = step_over(w);

			if (step != XML_STEP_ON)
				return step;
		}
	}
}

/* An attribute, from where it was left to its end. */
static enum xml_step
read_attribute(struct xml_work *w)
{
	enum xml_step step;

	switch ((enum xml_state)w->state) {
	case XML_IN_ATTR_NAME:
		step = read_name(w);
		if (step != XML_STEP_ON || (step = xml_tree_attr_name(w)) != XML_STEP_ON)
			return step;
		w->state = XML_AT_EQUALS;
		/* fall through */
	case XML_AT_EQUALS:
		skip_space(w);
		if (w->p == w->end)
			return XML_STEP_CUT;
		if (*w->p++ != '=')
			return xml_fail(w, XML_NOT_WELL_FORMED, "an attribute without a value");
		w->state = XML_AT_QUOTE;
		/* fall through */
	case XML_AT_QUOTE:
		skip_space(w);
		if (w->p == w->end)
			return XML_STEP_CUT;
		if (*w->p != '\'' && *w->p != '"')
			return xml_fail(w, XML_NOT_WELL_FORMED, "a value without quotes");
		w->quote = *w->p++;
		w->mark = w->p;
		w->needs_decoding = false;
		w->state = XML_IN_VALUE;
		/* fall through */
	default:
		return read_value(w);
	}
}

/* Whether what W has read the start tag of is no element to be read whole. */
static bool
is_root(const struct xml_work *w)
{
	return w->is_header ||
	       (w->enters != NULL && w->tag->parent == NULL && w->enters(w->tag, w->enters_arg));
}

static enum xml_step
end_tag(struct xml_work *w)
{
	w->p++;
	if (xml_tree_tag(w) != XML_STEP_ON)
		return XML_STEP_WRONG;
	if (is_root(w))
		return XML_STEP_HEADER;
	begin_content(w);
	return XML_STEP_ON;
}

/* Between the parts of a start tag. */
static enum xml_step
read_tag(struct xml_work *w)
{
	for (;;) {
		bool had_space = xml_byte_is(w->p[-1], XML_SPACE); /* there is a name before */
		enum xml_step step;

		if (xml_byte_is(*w->p, XML_SPACE)) {
			had_space = true;
			skip_space(w);
		}
		if (w->p == w->end)
			return XML_STEP_CUT;
		if (*w->p == '>')
			return end_tag(w);
		if (*w->p == '/') {
			w->p++;
			w->state = XML_AT_EMPTY_END;
			return XML_STEP_ON;
		}
		if (!had_space)
			return xml_fail(w, XML_NOT_WELL_FORMED, "no space before an attribute");
		begin_name(w, XML_IN_ATTR_NAME);
		step = read_attribute(w);
		if (step != XML_STEP_ON)
			return step;
		w->state = XML_IN_TAG;
	}
}

static enum xml_step
read_empty_end(struct xml_work *w)
{
	if (w->p == w->end)
		return XML_STEP_CUT;
	if (*w->p != '>')
		return xml_fail(w, XML_NOT_WELL_FORMED, "a stray slash in a start tag");
	w->p++;
	if (xml_tree_tag(w) != XML_STEP_ON)
		return XML_STEP_WRONG;
	if (!is_root(w))
		return close_element(w, w->p);
	w->open = NULL; /* the root's end is behind it */
	return XML_STEP_HEADER;
}

static enum xml_step
read_end_end(struct xml_work *w)
{
	skip_space(w);
	if (w->p == w->end)
		return XML_STEP_CUT;
	if (*w->p != '>')
		return xml_fail(w, XML_NOT_WELL_FORMED, "an end tag of another element");
	w->p++;
	return w->open ? close_element(w, w->mark - 2) : XML_STEP_END;
}

static enum xml_step
read_end_name(struct xml_work *w)
{
	struct str want =
		w->open ? str_of(w->open->source.p + 1, w->open->qname_len) : w->context->root;

	if (w->p == w->mark && (size_t)(w->end - w->p) >= want.len &&
	    memcmp(w->p, want.p, want.len) == 0)
		w->p += want.len;
	for (size_t at = (size_t)(w->p - w->mark); at < want.len; at++, w->p++) {
		if (w->p == w->end)
			return XML_STEP_CUT;
		if (*w->p != want.p[at])
			return xml_fail(w, XML_NOT_WELL_FORMED, "an end tag of another element");
	}
	w->state = XML_AT_END_END;
	return read_end_end(w);
}

enum xml_step
xml_tokens_read(struct xml_work *w)
{
	enum xml_step step = XML_STEP_ON;

	while (step == XML_STEP_ON)
		switch ((enum xml_state)w->state) {
		case XML_AT_TOP:
			step = read_top(w);
			break;
		case XML_IN_CONTENT:
			step = read_content(w);
			break;
		case XML_IN_CDATA:
			step = read_cdata(w);
			break;
		case XML_IN_NAME:
			step = read_name(w);
			if (step != XML_STEP_ON || (step = xml_tree_name(w)) != XML_STEP_ON)
				break;
			w->state = XML_IN_TAG;
			/* fall through */
		case XML_IN_TAG:
			step = read_tag(w);
			break;
		case XML_IN_ATTR_NAME:
		case XML_AT_EQUALS:
		case XML_AT_QUOTE:
		case XML_IN_VALUE:
			step = read_attribute(w);
			w->state = step == XML_STEP_ON ? XML_IN_TAG : w->state;
			break;
		case XML_AT_EMPTY_END:
			step = read_empty_end(w);
			break;
		case XML_IN_END_NAME:
			step = read_end_name(w);
			break;
		case XML_AT_END_END:
			step = read_end_end(w);
			break;
		case XML_AT_PI:
			step = read_pi(w);
			break;
		case XML_IN_DECLARATION:
			step = read_declaration(w);
			break;
		}
	return step;
}
