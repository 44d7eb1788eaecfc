/* SPDX-License-Identifier: MIT */
/*
 * xml_reader.h - an incremental reader of the XML that XMPP allows (RFC 6120 §11).
 *
 * There is no DTD, no comment, no processing instruction and no entity but the five predefined
 * ones (RFC 6120 §11.1): they do not exist as code. Input may come in pieces of any size; work per
 * byte is O(1), and memory is at most a fixed multiple of the bytes of the current element. Between
 * first-level elements a reader holds only its stream's namespace declarations.
 */
#pragma once

#include "xmpp/element.h"

struct xml_reader;

struct xml_limits {
	uint32_t bytes;      /* of one first-level element, or of the stream's header */
	uint16_t depth;      /* of nesting, the first-level element counting 1 */
	uint16_t attributes; /* of one element, namespace declarations included */
	uint32_t nodes;      /* elements and texts in one first-level element */
};

enum xml_event {
	XML_MORE,    /* all input is used up */
	XML_HEADER,  /* the root's start tag: *OUT has its name and attributes, no children */
	XML_ELEMENT, /* a whole first-level element */
	XML_END,     /* the root's end tag; what follows is not read (but xml_reader_set_enters) */
	XML_WRONG,   /* see xml_reader_why; no more can be read */
};

enum xml_fault {
	XML_NOT_WELL_FORMED, /* <not-well-formed/>: syntax */
	XML_BAD_UTF8,      /* <bad-format/> or <unsupported-encoding/>: bytes that are not UTF-8 */
	XML_BAD_ENCODING,  /* <unsupported-encoding/>: the declaration names another one */
	XML_RESTRICTED,    /* <restricted-xml/>: comment, PI, DTD, entity (RFC 6120 §11.1) */
	XML_BAD_NAMESPACE, /* <bad-namespace-prefix/>: undeclared prefix, abuse of xml or xmlns */
	XML_TOO_LARGE, /* <policy-violation/>: bytes, depth, attributes or nodes over the limit */
};

/* With no root: only first-level elements come (WebSocket framing, RFC 7395; tests). */
struct xml_reader *xml_reader_new(const struct xml_limits *limits, bool has_root);
/* Takes NULL. */
void xml_reader_free(struct xml_reader *reader);

/*
 * For documents that are too large to be held whole: first-level elements that ENTERS chooses by
 * their start tag are entered, and are then as the root is: XML_HEADER comes for the start tag,
 * what is in them is first-level, and their end is XML_END, of which the last is the root's. ENTERS
 * is pure; ARG is handed on. For readers with a root; from the next element on.
 */
void xml_reader_set_enters(struct xml_reader *reader,
			   bool (*enters)(const struct element *el, void *arg), void *arg);

/* Takes effect from the next first-level element on. */
void xml_reader_set_limits(struct xml_reader *reader, const struct xml_limits *limits);

/* Ready for a new stream (RFC 6120 §4.3.3): forgets the root and all that was read of a next
 * element. */
void xml_reader_restart(struct xml_reader *reader);

/*
 * Reads from *INPUT, and moves it past what was used, until something is whole. For XML_HEADER and
 * XML_ELEMENT *OUT stands in *ARENA, a new arena that the caller now owns; else both are NULL.
 */
enum xml_event xml_reader_next(struct xml_reader *reader, struct str *input, struct arena **arena,
			       struct element **out);

/* After XML_WRONG: what, and a constant phrase for the log. */
enum xml_fault xml_reader_why(const struct xml_reader *reader, const char **phrase);

/* Whether input has been taken of an element, or of a header, that is not whole yet. */
bool xml_reader_is_inside(const struct xml_reader *reader);

/*
 * Whether EL's source text can be put, as it is, into another stream of the same kind: EL has no
 * prefix, every prefix that it or a descendant uses is declared within its source, and what has no
 * prefix in it is in a namespace that it declares, or in the stream's default one. (An EL that
 * declares xmlns itself says the same anywhere; between "jabber:client" and "jabber:server" only
 * one that does not can be carried over.) Constant time: the reader took note while reading.
 */
bool element_is_self_contained(const struct element *el);
/*
 * The part of EL's source between its start tag and its end tag, and whether it can be put behind
 * another start tag, with other attributes, where EL's own namespace is the default one. It can
 * when it uses no prefix that is declared outside of it. Stays so when attributes of EL are
 * changed.
 */
bool element_inner_source(const struct element *el, struct str *inner);

/*
 * One whole element of TEXT, under LIMITS, perhaps with white space around it. Returns it in ARENA,
 * or NULL with *WHY (may be NULL) set.
 */
struct element *xml_parse(struct arena *arena, struct str text, const struct xml_limits *limits,
			  const char **why);
