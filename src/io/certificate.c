/* SPDX-License-Identifier: MIT */
/* certificate.c - reading otherName entries of the subject alternative name. */
#include "io/certificate.h"

#include <openssl/x509v3.h>

#define ID_ON_XMPP_ADDR "1.3.6.1.5.5.7.8.5"
#define ID_ON_DNS_SRV "1.3.6.1.5.5.7.8.7"
#define ADDRESSES_MAX 32

/* The text of an otherName of that kind and string type, else STR_NONE. */
static struct str
other_name(const GENERAL_NAME *name, const char *kind, int type)
{
	const ASN1_TYPE *value;
	char oid[64];

	if (name->type != GEN_OTHERNAME)
		return STR_NONE;
	OBJ_obj2txt(oid, sizeof(oid), name->d.otherName->type_id, 1);
	value = name->d.otherName->value;
	if (!str_is(str(oid), kind) || value->type != type)
		return STR_NONE;
	return str_of(ASN1_STRING_get0_data(value->value.asn1_string),
		      (size_t)ASN1_STRING_length(value->value.asn1_string));
}

static struct str
xmpp_address(const GENERAL_NAME *name)
{
	return other_name(name, ID_ON_XMPP_ADDR, V_ASN1_UTF8STRING);
}

size_t
certificate_xmpp_addresses(struct arena *arena, struct str der, struct str **out)
{
	const unsigned char *p = (const unsigned char *)der.p;
	X509 *certificate = d2i_X509(NULL, &p, (long)der.len);
	GENERAL_NAMES *names;
	size_t count = 0;

	*out = arena_array(arena, struct str, ADDRESSES_MAX);
	if (certificate == NULL)
		return 0;
	names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	for (int i = 0; i < sk_GENERAL_NAME_num(names) && count < ADDRESSES_MAX; i++) {
		struct str address = xmpp_address(sk_GENERAL_NAME_value(names, i));

		if (address.p != NULL)
			(*out)[count++] = arena_dup(arena, address);
	}
	GENERAL_NAMES_free(names);
	X509_free(certificate);
	return count;
}

/* RFC 9525 §6.3: a wildcard is the whole left-most label, and stands for just one. */
static bool
dns_name_matches(struct str name, struct str ascii)
{
	ptrdiff_t dot;

	if (!str_starts(name, STR("*.")))
		return str_equal_nocase(name, ascii);
	name = str_from(name, 1);
	dot = str_find(ascii, '.');
	/* "*.example" would be everybody's. */
	return dot > 0 && str_find(str_from(name, 1), '.') > 0 &&
	       str_equal_nocase(name, str_from(ascii, (size_t)dot));
}

/* RFC 4985 §2: "_service.name". */
static bool
srv_name_matches(struct str name, struct str ascii)
{
	static const struct str services[] = {STR("_xmpp-server."), STR("_xmpps-server.")};

	for (size_t i = 0; i < COUNT(services); i++)
		if (name.len > services[i].len &&
		    str_equal_nocase(str_first(name, services[i].len), services[i]) &&
		    str_equal_nocase(str_from(name, services[i].len), ascii))
			return true;
	return false;
}

static bool
name_matches(const GENERAL_NAME *name, struct str domain, struct str ascii)
{
	struct str text;

	if (name->type == GEN_DNS)
		return dns_name_matches(str_of(ASN1_STRING_get0_data(name->d.dNSName),
					       (size_t)ASN1_STRING_length(name->d.dNSName)),
					ascii);
	text = other_name(name, ID_ON_DNS_SRV, V_ASN1_IA5STRING);
	if (text.p != NULL)
		return srv_name_matches(text, ascii);
	text = xmpp_address(name);
	return text.p != NULL && (str_equal_nocase(text, domain) || str_equal_nocase(text, ascii));
}

bool
certificate_is_for(struct str der, struct str domain, struct str ascii)
{
	const unsigned char *p = (const unsigned char *)der.p;
	X509 *certificate = der.len > 0 ? d2i_X509(NULL, &p, (long)der.len) : NULL;
	GENERAL_NAMES *names;
	bool is_for = false;

	if (certificate == NULL)
		return false;
	names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	for (int i = 0; i < sk_GENERAL_NAME_num(names) && !is_for; i++)
		is_for = name_matches(sk_GENERAL_NAME_value(names, i), domain, ascii);
	GENERAL_NAMES_free(names);
	X509_free(certificate);
	return is_for;
}
