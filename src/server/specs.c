/* SPDX-License-Identifier: MIT */
/* specs.c - doc/xeps.md and doap.xml, from what the modules say of themselves. */
#include "server/specs.h"

#include "server/module.h"

#include <stdio.h>
#include <stdlib.h>

/* What is done below the modules, in the core. */
static const struct spec core_specs[] = {
	{"RFC 6120", NULL, SPEC_COMPLETE, "streams of clients and of servers"},
	{"RFC 7590", NULL, SPEC_COMPLETE, "TLS 1.2 and 1.3"},
	{"RFC 7673", NULL, SPEC_COMPLETE,
	 "DANE, of servers that are called, with s2s.trust_anchor"},
	{"RFC 7622", NULL, SPEC_COMPLETE, "addresses; see doc/decisions.md"},
	{"XEP-0078", "2.5", SPEC_COMPLETE,
	 "on streams without a version; digest where passwords are kept"},
	{"XEP-0086", "1.0", SPEC_COMPLETE, NULL},
	{"XEP-0170", "1.0", SPEC_COMPLETE, NULL},
	{"XEP-0178", "1.2", SPEC_COMPLETE, NULL},
	{"XEP-0185", "1.0", SPEC_COMPLETE, NULL},
	{"XEP-0220", "1.1.1", SPEC_COMPLETE,
	 "takes several domains on a stream; uses one stream for each pair itself"},
	{"XEP-0227", "1.1", SPEC_PARTIAL, "recadoctl; of privacy lists, addresses that are denied"},
	{"XEP-0288", "1.0.1", SPEC_PARTIAL,
	 "no further domains on a stream from its accepting side"},
	{"XEP-0344", "0.4", SPEC_PARTIAL, "by certificate alone"},
	{"XEP-0368", "1.1.0", SPEC_COMPLETE, "for clients and servers"},
	{"XEP-0386", "1.1.0", SPEC_COMPLETE, NULL},
	{"XEP-0388", "1.0.4", SPEC_COMPLETE, NULL},
	{"XEP-0474", "0.5.0", SPEC_COMPLETE, NULL},
	{"XEP-0480", "0.2.0", SPEC_COMPLETE, NULL},
	{"XEP-0484", "0.2.0", SPEC_COMPLETE, "no TLS early data; not bound to tls-unique"},
	{"XEP-0440", "1.0.0", SPEC_COMPLETE, NULL},
	{0},
};

struct row {
	const struct spec *spec;
	const char *where;
};

static int
by_name(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = strcmp(x->spec->name, y->spec->name);

	return order != 0 ? order : strcmp(x->where, y->where);
}

static size_t
add_rows(struct row *rows, size_t n, const struct spec *specs, const char *where)
{
	for (; specs != NULL && specs->name != NULL; specs++)
		rows[n++] = (struct row){specs, where};
	return n;
}

static void
print_markdown(const struct row *rows, size_t n)
{
	printf("# What Recado implements\n\nMade by `recadod --xeps markdown` from the modules' "
	       "own "
	       "tables; do not edit.\n\n| Specification | Version | Where | State | Note |\n"
	       "|---|---|---|---|---|\n");
	for (size_t i = 0; i < n; i++) {
		const struct spec *s = rows[i].spec;

		printf("| %s | %s | %s | %s | %s |\n", s->name, s->version ? s->version : "",
		       rows[i].where, s->status == SPEC_COMPLETE ? "complete" : "partial",
		       s->note ? s->note : "");
	}
}

static void
print_doap(const struct row *rows, size_t n)
{
	printf("<?xml version='1.0' encoding='UTF-8'?>\n"
	       "<!-- Made by tools/docs from the tables of the modules; do not edit. -->\n"
	       "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'\n"
	       "         xmlns='http://usefulinc.com/ns/doap#' "
	       "xmlns:xmpp='https://linkmauve.fr/ns/xmpp-doap#'>\n"
	       "<Project>\n  <name>Recado</name>\n  <shortdesc xml:lang='en'>An XMPP server that "
	       "is fast "
	       "and loses nothing</shortdesc>\n  <programming-language>C</programming-language>\n"
	       "  <os>Linux</os>\n  <category "
	       "rdf:resource='https://linkmauve.fr/ns/xmpp-doap#category-server'/>\n");
	for (size_t i = 0; i < n; i++) {
		const struct spec *s = rows[i].spec;

		if (strncmp(s->name, "RFC ", 4) == 0) {
			printf("  <implements rdf:resource='https://xmpp.org/rfcs/rfc%s.html'/>\n",
			       s->name + 4);
			continue;
		}
		printf("  <implements>\n    <xmpp:SupportedXep>\n      <xmpp:xep "
		       "rdf:resource='https://xmpp.org/extensions/xep-%s.html'/>\n"
		       "      <xmpp:status>%s</xmpp:status>\n      "
		       "<xmpp:version>%s</xmpp:version>\n",
		       s->name + 4, s->status == SPEC_COMPLETE ? "complete" : "partial",
		       s->version);
		if (s->note != NULL)
			printf("      <xmpp:note xml:lang='en'>%s</xmpp:note>\n", s->note);
		printf("    </xmpp:SupportedXep>\n  </implements>\n");
	}
	printf("</Project>\n</rdf:RDF>\n");
}

int
specs_print(const char *format)
{
	struct row rows[256];
	size_t n = add_rows(rows, 0, core_specs, "core");

	for (size_t i = 0; i < module_count(); i++)
		n = add_rows(rows, n, modules[i]->specs, modules[i]->name);
	qsort(rows, n, sizeof(rows[0]), by_name);
	if (strcmp(format, "markdown") == 0) {
		print_markdown(rows, n);
	} else if (strcmp(format, "doap") == 0) {
		print_doap(rows, n);
	} else {
		fprintf(stderr, "recadod: specifications come as markdown or doap\n");
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
