/* SPDX-License-Identifier: MIT */
/* tls_certificate.c - certificates themselves: facts, hashes for binding, self-signed ones. */
#include "base/rand.h"
#include "io/tls_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int
tls_end_point(const X509 *certificate, unsigned char out[64])
{
	int digest = NID_undef;
	unsigned len = 0;
	const EVP_MD *md;

	/* Algorithms without one hash of their own (Ed25519) have no binding defined: SHA-256. */
	if (!OBJ_find_sigid_algs(X509_get_signature_nid(certificate), &digest, NULL) ||
	    digest == NID_undef || digest == NID_md5 || digest == NID_sha1)
		digest = NID_sha256;
	md = EVP_get_digestbynid(digest);
	if (md == NULL || EVP_MD_get_size(md) > 64 || !X509_digest(certificate, md, out, &len))
		return -1;
	return (int)len;
}

static int
fail(struct arena *arena, struct str *why, const char *path, const char *otherwise)
{
	*why = arena_printf(arena, "%s: %s", path, tls_error(otherwise));
	return -1;
}

static int
fail_errno(struct arena *arena, struct str *why, const char *path)
{
	*why = arena_printf(arena, "%s: %s", path, strerrordesc_np(errno));
	return -1;
}

/* Facts */

static struct str
name_text(struct arena *arena, const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *p = NULL;
	struct str text;
	long len;

	X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
	len = BIO_get_mem_data(bio, &p);
	text = arena_dup(arena, str_of(p, len > 0 ? (size_t)len : 0));
	BIO_free(bio);
	return text;
}

static uint64_t
seconds_of(const ASN1_TIME *at)
{
	struct tm tm = {0};
	time_t seconds = ASN1_TIME_to_tm(at, &tm) == 1 ? timegm(&tm) : 0;

	return seconds > 0 ? (uint64_t)seconds : 0;
}

static void
dns_names(struct arena *arena, const X509 *certificate, struct tls_certificate_facts *out)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	int count = names != NULL ? sk_GENERAL_NAME_num(names) : 0;

	out->names = arena_array(arena, struct str, count);
	for (int i = 0; i < count; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_DNS)
			out->names[out->name_count++] = arena_dup(
				arena, str_of(ASN1_STRING_get0_data(name->d.dNSName),
					      (size_t)ASN1_STRING_length(name->d.dNSName)));
	}
	GENERAL_NAMES_free(names);
}

int
tls_certificate_facts(struct arena *arena, const char *path, struct tls_certificate_facts *out,
		      struct str *why)
{
	FILE *file = fopen(path, "re");
	X509 *certificate;

	if (file == NULL)
		return fail_errno(arena, why, path);
	ERR_clear_error();
	certificate = PEM_read_X509(file, NULL, NULL, NULL);
	fclose(file);
	if (certificate == NULL)
		return fail(arena, why, path, "not a certificate");
	*out = (struct tls_certificate_facts){
		.subject = name_text(arena, X509_get_subject_name(certificate)),
		.issuer = name_text(arena, X509_get_issuer_name(certificate)),
		.not_before_s = seconds_of(X509_get0_notBefore(certificate)),
		.not_after_s = seconds_of(X509_get0_notAfter(certificate)),
		.is_self_signed = X509_self_signed(certificate, 0) == 1,
	};
	dns_names(arena, certificate, out);
	X509_free(certificate);
	return 0;
}

/* Self-signed */

static bool
add_extension(X509 *certificate, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;
	bool ok;

	X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	ok = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return ok;
}

static bool
set_random_serial(X509 *certificate)
{
	unsigned char bytes[16];
	BIGNUM *number;
	bool ok;

	rand_bytes(bytes, sizeof(bytes));
	bytes[0] &= 0x7f; /* RFC 5280 §4.1.2.2: positive */
	number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	ok = number != NULL &&
	     BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
	BN_free(number);
	return ok;
}

/* NAME as subject (its first 64 bytes, the most a common name can hold) and alternative name. */
static bool
set_name(struct arena *arena, X509 *certificate, struct str name)
{
	struct str common = str_first(name, 64), alternative;
	const char *z = arena_dup(arena, name).p;
	unsigned char address[16];
	X509_NAME *subject = X509_get_subject_name(certificate);

	alternative = arena_printf(
		arena, "%s:%s",
		inet_pton(AF_INET, z, address) == 1 || inet_pton(AF_INET6, z, address) == 1 ? "IP"
											    : "DNS",
		z);
	return X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
					  (const unsigned char *)common.p, (int)common.len, -1,
					  0) == 1 &&
	       X509_set_issuer_name(certificate, subject) == 1 &&
	       add_extension(certificate, NID_subject_alt_name, alternative.p);
}

static X509 *
make_certificate(struct arena *arena, struct str name, unsigned days, EVP_PKEY *key)
{
	X509 *certificate = X509_new();

	if (certificate != NULL && X509_set_version(certificate, X509_VERSION_3) == 1 &&
	    set_random_serial(certificate) &&
	    /* A clock that is a little behind must not make it invalid. */
	    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) != NULL &&
	    X509_time_adj_ex(X509_getm_notAfter(certificate), (int)days, 0, NULL) != NULL &&
	    X509_set_pubkey(certificate, key) == 1 && set_name(arena, certificate, name) &&
	    add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
	    /* No keyUsage: NSS wants keyCertSign in it, since the certificate is its own issuer. */
	    add_extension(certificate, NID_ext_key_usage, "serverAuth,clientAuth") &&
	    add_extension(certificate, NID_subject_key_identifier, "hash") &&
	    X509_sign(certificate, key, EVP_sha256()) > 0)
		return certificate;
	X509_free(certificate);
	return NULL;
}

/* Writes PEM of CERTIFICATE or else KEY to PATH, and to the disk. */
static int
write_pem(struct arena *arena, const char *path, mode_t mode, X509 *certificate, EVP_PKEY *key,
	  struct str *why)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode), ok;
	FILE *file;

	if (fd < 0)
		return fail_errno(arena, why, path);
	/* The mode of a file that was there before is not the one asked for. */
	if (fchmod(fd, mode) < 0 || (file = fdopen(fd, "w")) == NULL) {
		fail_errno(arena, why, path);
		close(fd);
		return -1;
	}
	ok = certificate != NULL ? PEM_write_X509(file, certificate)
				 : PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
	ok &= fflush(file) == 0 && fsync(fd) == 0;
	if (fclose(file) != 0 || !ok)
		return fail_errno(arena, why, path);
	return 0;
}

int
tls_make_self_signed(struct arena *arena, struct str name, unsigned days,
		     const char *certificate_path, const char *key_path, struct str *why)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = key != NULL ? make_certificate(arena, name, days, key) : NULL;
	int rc = -1;

	if (certificate == NULL)
		fail(arena, why, certificate_path, "cannot make a certificate");
	else if (write_pem(arena, key_path, 0600, NULL, key, why) == 0 &&
		 write_pem(arena, certificate_path, 0644, certificate, NULL, why) == 0)
		rc = 0;
	X509_free(certificate);
	EVP_PKEY_free(key);
	return rc;
}
