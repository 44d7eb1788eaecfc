/* SPDX-License-Identifier: MIT */
/* xml_decode.c - what checked source text says: references, CDATA, line ends; the XML declaration.
 */
#include "base/utf8.h"
#include "xmpp/xml_scan.h"
#include "xmpp/xml_work.h"

/* At '&' in RAW[*AT]. Writes the character to OUT, and returns its length. */
static size_t
decode_reference(struct str raw, size_t *at, char *out)
{
	uint32_t c = 0;
	int len = xml_reference(raw.p + *at, raw.p + raw.len, &c);

	assert(len > 0);
	*at += (size_t)len;
	return utf8_encode(c, out);
}

/* CR LF, and a CR without LF, are one line end (XML 1.0 §2.11). */
static char
decode_line_end(struct str raw, size_t *at)
{
	if (*at + 1 < raw.len && raw.p[*at + 1] == '\n')
		++*at;
	++*at;
	return '\n';
}

struct str
xml_decode_value(struct arena *arena, struct str raw)
{
	char *p = arena_bytes(arena, raw.len);
	size_t len = 0;

	for (size_t at = 0; at < raw.len;) {
		if (raw.p[at] == '&') {
			len += decode_reference(raw, &at, p + len);
		} else if (raw.p[at] == '\r') {
			decode_line_end(raw, &at);
			p[len++] = ' '; /* §3.3.3 */
		} else {
			p[len++] = xml_byte_is(raw.p[at], XML_SPACE) ? ' ' : raw.p[at];
			at++;
		}
	}
	return str_of(p, len);
}

struct str
xml_decode_text(struct arena *arena, struct str raw)
{
	static const struct str open = STR("<![CDATA["), close = STR("]]>");
	char *p = arena_bytes(arena, raw.len);
	bool is_cdata = false;
	size_t len = 0;

	for (size_t at = 0; at < raw.len;) {
		if (raw.p[at] == '\r') {
			p[len++] = decode_line_end(raw, &at);
		} else if (is_cdata && str_starts(str_from(raw, at), close)) {
			is_cdata = false;
			at += close.len;
		} else if (!is_cdata && raw.p[at] == '<') {
			is_cdata = true;
			at += open.len;
		} else if (!is_cdata && raw.p[at] == '&') {
			len += decode_reference(raw, &at, p + len);
		} else {
			p[len++] = raw.p[at++];
		}
	}
	return str_of(p, len);
}

static struct str
skip_space(struct str s)
{
	while (s.len > 0 && xml_byte_is(*s.p, XML_SPACE))
		s = str_from(s, 1);
	return s;
}

/* Takes " NAME = 'value'" off *REST; false, and no change, when NAME does not stand there. */
static bool
take_pseudo_attr(struct str *rest, const char *name, struct str *value)
{
	struct str s = skip_space(*rest);
	ptrdiff_t end;

	if (s.len == rest->len || !str_starts(s, str(name)))
		return false;
	s = skip_space(str_from(s, strlen(name)));
	if (s.len == 0 || *s.p != '=')
		return false;
	s = skip_space(str_from(s, 1));
	if (s.len == 0 || (*s.p != '\'' && *s.p != '"'))
		return false;
	end = str_find(str_from(s, 1), *s.p);
	if (end < 0)
		return false;
	*value = str_of(s.p + 1, (size_t)end);
	*rest = str_from(s, (size_t)end + 2);
	return true;
}

/* XML 1.0 §2.8. */
enum xml_step
xml_declaration_read(struct xml_work *w, struct str text)
{
	struct str rest = str_from(text, sizeof("<?xml") - 1), value;

	if (!take_pseudo_attr(&rest, "version", &value))
		return xml_fail(w, XML_NOT_WELL_FORMED, "a bad XML declaration");
	if (!str_is(value, "1.0"))
		return xml_fail(w, XML_NOT_WELL_FORMED, "a version of XML that is not 1.0");
	if (take_pseudo_attr(&rest, "encoding", &value) && !str_equal_nocase(value, STR("UTF-8")))
		return xml_fail(w, XML_BAD_ENCODING, "an encoding that is not UTF-8");
	if (take_pseudo_attr(&rest, "standalone", &value) && !str_is(value, "yes") &&
	    !str_is(value, "no"))
		return xml_fail(w, XML_NOT_WELL_FORMED, "a bad XML declaration");
	if (!str_is(skip_space(rest), "?>"))
		return xml_fail(w, XML_NOT_WELL_FORMED, "a bad XML declaration");
	return XML_STEP_DECLARATION;
}
