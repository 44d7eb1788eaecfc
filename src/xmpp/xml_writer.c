/* SPDX-License-Identifier: MIT */
/* xml_writer.c - elements to bytes, iteratively. */
#include "xmpp/xml_writer.h"

#include "xmpp/xml_scan.h"
#include "xmpp/xml_work.h"

/* What stands for a byte of text that cannot stand for itself; NULL when it is no character. */
static const char *
replacement(char c, bool is_value)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;"; /* "]]>" is forbidden in text */
	case '\r':
		return "&#13;";
	case '\n':
		return is_value ? "&#10;" : "\n";
	case '\t':
		return is_value ? "&#9;" : "\t";
	case '\'':
		return is_value ? "&apos;" : "'";
	case '"':
		return is_value ? "&quot;" : "\"";
	default:
		return NULL;
	}
}

/* The length of what can be copied as it is at P, before END. */
static size_t
plain_run(const char *p, const char *end)
{
	const char *at = p;

	for (;;) {
		int len;

		while (at < end && xml_byte_is(*at, XML_PLAIN))
			at++;
		if (at == end || (unsigned char)*at < 0x80 || (len = xml_char(at, end)) <= 0)
			return (size_t)(at - p);
		at += len;
	}
}

static void
escape(struct buf *buf, struct str text, bool is_value)
{
	const char *p = text.p, *end = text.p + text.len;

	while (p < end) {
		size_t len = plain_run(p, end);

		buf_add(buf, str_of(p, len));
		p += len;
		if (p < end) {
			const char *instead = replacement(*p++, is_value);

			/* No XML can say it: U+FFFD, so that the stream stays well-formed. */
			buf_addz(buf, instead ? instead : "\xef\xbf\xbd");
		}
	}
}

void
xml_escape(struct buf *buf, struct str text)
{
	escape(buf, text, true);
}

void
xml_write_attr(struct buf *buf, const char *name, struct str value)
{
	if (value.p == NULL)
		return;
	buf_add_char(buf, ' ');
	buf_addz(buf, name);
	buf_add(buf, STR("='"));
	escape(buf, value, true);
	buf_add_char(buf, '\'');
}

/* The first attribute of EL in ATTR's namespace declares the prefix; *NUMBER is in its name. */
static const struct attr *
find_declaring(const struct element *el, const struct attr *attr, unsigned *number)
{
	const struct attr *first = el->attrs;

	for (*number = 0; !str_equal(first->ns, attr->ns); first = first->next)
		++*number;
	return first;
}

static void
write_attribute(struct buf *buf, const struct element *el, const struct attr *attr)
{
	if (attr->ns.len == 0) {
		buf_add_char(buf, ' ');
	} else if (str_is(attr->ns, XML_NS)) {
		buf_add(buf, STR(" xml:"));
	} else {
		unsigned number;

		if (find_declaring(el, attr, &number) == attr) {
			buf_printf(buf, " xmlns:ns%u='", number);
			escape(buf, attr->ns, true);
			buf_add_char(buf, '\'');
		}
		buf_printf(buf, " ns%u:", number);
	}
	buf_add(buf, attr->name);
	buf_add(buf, STR("='"));
	escape(buf, attr->value, true);
	buf_add_char(buf, '\'');
}

/* The namespace xml can be no default (Namespaces in XML 1.0 §3). */
static bool
is_in_xml(const struct element *el)
{
	return el->ns.len == sizeof(XML_NS) - 1 && str_is(el->ns, XML_NS);
}

static void
write_name(struct buf *buf, const struct element *el)
{
	if (is_in_xml(el))
		buf_add(buf, STR("xml:"));
	buf_add(buf, el->name);
}

static void
write_start(struct buf *buf, const struct element *el, struct str default_ns)
{
	buf_add_char(buf, '<');
	write_name(buf, el);
	if (!is_in_xml(el) && !str_equal(el->ns, default_ns)) {
		buf_add(buf, STR(" xmlns='"));
		escape(buf, el->ns, true);
		buf_add_char(buf, '\'');
	}
	for (const struct attr *attr = el->attrs; attr != NULL; attr = attr->next)
		write_attribute(buf, el, attr);
	buf_addz(buf, el->children ? ">" : "/>");
}

static void
write_end(struct buf *buf, const struct element *el)
{
	buf_add(buf, STR("</"));
	write_name(buf, el);
	buf_add_char(buf, '>');
}

/* The default namespace inside of EL, which stands below TOP. */
static struct str
default_inside(const struct element *el, const struct element *top, struct str parent_ns)
{
	while (is_in_xml(el)) {
		if (el == top)
			return parent_ns;
		el = el->parent;
	}
	return el->ns;
}

void
xml_write(struct buf *buf, const struct element *el, struct str parent_ns)
{
	const struct element *at = el;
	struct str ns = parent_ns;

	for (;;) {
		if (element_is_text(at)) {
			escape(buf, at->text, false);
		} else {
			write_start(buf, at, ns);
			if (at->children != NULL) {
				ns = default_inside(at, el, parent_ns);
				at = at->children;
				continue;
			}
		}
		while (at != el && at->next == NULL) {
			at = at->parent;
			write_end(buf, at);
		}
		if (at == el)
			return;
		ns = default_inside(at->parent, el, parent_ns);
		at = at->next;
	}
}

struct str
xml_text(struct arena *arena, const struct element *el, struct str parent_ns)
{
	struct buf buf = {0};
	struct str text;

	xml_write(&buf, el, parent_ns);
	text = arena_dup(arena, buf_str(&buf));
	buf_free(&buf);
	return text;
}
