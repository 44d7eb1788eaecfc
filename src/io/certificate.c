/* SPDX-License-Identifier: MIT */
/* certificate.c - reading otherName entries of the subject alternative name. */
#include "io/certificate.h"

#include <openssl/x509v3.h>

#define ID_ON_XMPP_ADDR "1.3.6.1.5.5.7.8.5"
#define ADDRESSES_MAX 32

static struct str
xmpp_address(const GENERAL_NAME *name)
{
	const ASN1_TYPE *value;
	char oid[64];

	if (name->type != GEN_OTHERNAME)
		return STR_NONE;
	OBJ_obj2txt(oid, sizeof(oid), name->d.otherName->type_id, 1);
	value = name->d.otherName->value;
	if (!str_is(str(oid), ID_ON_XMPP_ADDR) || value->type != V_ASN1_UTF8STRING)
		return STR_NONE;
	return str_of(ASN1_STRING_get0_data(value->value.utf8string),
		      (size_t)ASN1_STRING_length(value->value.utf8string));
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
