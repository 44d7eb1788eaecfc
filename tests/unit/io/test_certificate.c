/* SPDX-License-Identifier: MIT */
/* test_certificate.c - whom crafted certificates name (SEC-38; RFC 9525, RFC 6120 §13.7.1.2). */
#include "test.h"

#include "io/certificate.h"

#include <openssl/evp.h>
#include <openssl/x509v3.h>

/* A certificate whose common name is CN and whose alternative names are NAMES, for OpenSSL. */
static struct str
make(struct test *t, const char *cn, const char *names)
{
	X509 *certificate = X509_new();
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509_NAME *subject = X509_get_subject_name(certificate);
	X509_EXTENSION *extension = NULL;
	unsigned char *p;
	struct str der;
	int len;

	X509_set_version(certificate, X509_VERSION_3);
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_set_pubkey(certificate, key);
	X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
				   (const unsigned char *)cn, -1, -1, 0);
	if (names != NULL) {
		extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
		check(t, extension != NULL);
		X509_add_ext(certificate, extension, -1);
	}
	X509_sign(certificate, key, EVP_sha256());
	len = i2d_X509(certificate, NULL);
	p = (unsigned char *)arena_bytes(t->arena, (size_t)len);
	der = str_of(p, (size_t)len);
	i2d_X509(certificate, &p);
	X509_EXTENSION_free(extension);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return der;
}

#define SRV "otherName:1.3.6.1.5.5.7.8.7;IA5STRING:"
#define ADDR "otherName:1.3.6.1.5.5.7.8.5;UTF8:"

static const struct {
	const char *cn, *names, *domain;
	bool is_for;
} cases[] = {
	{"x", "DNS:a.example", "a.example", true},
	{"x", "DNS:A.Example", "a.example", true},
	{"x", "DNS:b.example,DNS:a.example", "a.example", true},
	{"x", "DNS:a.example", "sub.a.example", false},
	{"x", "DNS:sub.a.example", "a.example", false},
	{"x", "DNS:a.example.", "a.example", false},
	/* The common name is nobody's (RFC 9525 §2). */
	{"a.example", NULL, "a.example", false},
	{"a.example", "DNS:b.example", "a.example", false},
	/* §6.3: a whole left-most label. */
	{"x", "DNS:*.a.example", "b.a.example", true},
	{"x", "DNS:*.a.example", "a.example", false},
	{"x", "DNS:*.a.example", "c.b.a.example", false},
	{"x", "DNS:*.example", "a.example", false},
	{"x", "DNS:*", "example", false},
	{"x", "DNS:b*.a.example", "b1.a.example", false},
	{"x", "DNS:*b.a.example", "b.a.example", false},
	{"x", "DNS:b.*.example", "b.a.example", false},
	{"x", "DNS:*.*.example", "b.a.example", false},
	{"x", "DNS:*.", "a.example", false},
	/* RFC 4985: the service counts. */
	{"x", SRV "_xmpp-server.a.example", "a.example", true},
	{"x", SRV "_xmpps-server.a.example", "a.example", true},
	{"x", SRV "_XMPP-Server.A.example", "a.example", true},
	{"x", SRV "_xmpp-client.a.example", "a.example", false},
	{"x", SRV "_imap.a.example", "a.example", false},
	{"x", SRV "_xmpp-server.", "a.example", false},
	{"x", SRV "_xmpp-server.*.example", "a.example", false},
	{"x", SRV "a.example", "a.example", false},
	/* XMPP addresses: a domain's own. */
	{"x", ADDR "a.example", "a.example", true},
	{"x", ADDR "romeo@a.example", "a.example", false},
	{"x", ADDR "a.example/x", "a.example", false},
	{"x", ADDR "*.example", "a.example", false},
	{"x", "otherName:1.3.6.1.5.5.7.8.5;IA5STRING:a.example", "a.example", false},
	{"x", "otherName:1.2.3.4;UTF8:a.example", "a.example", false},
	/* Other kinds of names are not domains. */
	{"x", "IP:192.0.2.1", "192.0.2.1", false},
	{"x", "URI:xmpp:a.example", "a.example", false},
	{"x", "email:a.example", "a.example", false},
};

TEST(sec38_certificate_is_for)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str domain = str(cases[i].domain);

		test_row(t, arena_printf(t->arena, "%s for %s",
					 cases[i].names ? cases[i].names : cases[i].cn,
					 cases[i].domain)
				    .p);
		check_int(t,
			  certificate_is_for(make(t, cases[i].cn, cases[i].names), domain, domain),
			  cases[i].is_for);
	}
}

/* International names stand in certificates with A-labels. */
TEST(sec38_international_names)
{
	struct str domain = STR("b\xc3\xbc\x63her.example"), ascii = STR("xn--bcher-kva.example");

	check(t, certificate_is_for(make(t, "x", "DNS:xn--bcher-kva.example"), domain, ascii));
	check(t, certificate_is_for(make(t, "x", ADDR "xn--bcher-kva.example"), domain, ascii));
	check(t, !certificate_is_for(make(t, "x", "DNS:bcher.example"), domain, ascii));
}

/* A NUL ends no name (CVE-2009-2408), and what is no certificate names nobody. */
TEST(sec38_nul_and_garbage)
{
	struct str der = make(t, "x", "DNS:a.example");
	char *bytes = (char *)(uintptr_t)der.p;

	for (size_t i = 0; i + 9 <= der.len; i++)
		if (memcmp(der.p + i, "a.example", 9) == 0)
			bytes[i + 8] = '\0';
	check(t, !certificate_is_for(der, STR("a.exampl"), STR("a.exampl")));
	check(t, !certificate_is_for(der, STR("a.example"), STR("a.example")));
	check(t, !certificate_is_for(STR("x"), STR("a.example"), STR("a.example")));
	check(t, !certificate_is_for(STR_NONE, STR("a.example"), STR("a.example")));
	for (size_t len = 0; len < der.len; len += 7)
		check(t,
		      !certificate_is_for(str_first(der, len), STR("a.example"), STR("a.example")));
}
