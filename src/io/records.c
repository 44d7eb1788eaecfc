/* SPDX-License-Identifier: MIT */
/* records.c - sealing and opening records, and new keys (RFC 8446 §4.6.3, §5, §7.1 to §7.3). */
#include "io/records.h"

#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdlib.h>

#define HEADER_LEN 5u
#define TAG_LEN 16u
#define IV_LEN 12u
#define WITHOUT_DATA_MAX 64u           /* records in a row (SEC-13) */
#define SEALED_MAX ((uint64_t)1 << 24) /* with one key; §5.5 allows AES-GCM 2^24.5 */

enum {
	ALERT_CLOSE_NOTIFY = 0,
	ALERT_UNEXPECTED_MESSAGE = 10,
	ALERT_BAD_RECORD_MAC = 20,
	ALERT_RECORD_OVERFLOW = 22,
	ALERT_ILLEGAL_PARAMETER = 47,
	ALERT_DECODE_ERROR = 50,
	ALERT_INTERNAL_ERROR = 80,
	ALERT_USER_CANCELED = 90,
};

/* Appendix B.4 */
static const struct suite {
	unsigned number;
	unsigned key_len, hash_len;
	const EVP_CIPHER *(*cipher)(void);
	const EVP_MD *(*hash)(void);
} suites[] = {
	{0x1301, 16, 32, EVP_aes_128_gcm, EVP_sha256},
	{0x1302, 32, 48, EVP_aes_256_gcm, EVP_sha384},
	{0x1303, 32, 32, EVP_chacha20_poly1305, EVP_sha256},
};

struct record_ciphers {
	struct {
		EVP_CIPHER_CTX *ctx;
		uint64_t key_id;   /* that it has now */
	} slots[COUNT(suites)][2]; /* to open, to seal */
	EVP_MAC_CTX *hmac[COUNT(suites)];
};

/* Looking algorithms up costs more than using them, so each is made once. */
static EVP_MAC_CTX *
new_hmac(const EVP_MD *hash)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string("digest", (char *)EVP_MD_get0_name(hash), 0),
		OSSL_PARAM_construct_end(),
	};

	if (ctx == NULL || !EVP_MAC_CTX_set_params(ctx, params))
		abort();
	EVP_MAC_free(mac);
	return ctx;
}

struct record_ciphers *
record_ciphers_new(void)
{
	struct record_ciphers *ciphers = xnew(struct record_ciphers);

	for (size_t i = 0; i < COUNT(suites); i++) {
		for (int seals = 0; seals < 2; seals++) {
			EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

			if (ctx == NULL ||
			    !EVP_CipherInit_ex(ctx, suites[i].cipher(), NULL, NULL, NULL, seals))
				abort();
			ciphers->slots[i][seals].ctx = ctx;
		}
		ciphers->hmac[i] = new_hmac(suites[i].hash());
	}
	return ciphers;
}

void
record_ciphers_free(struct record_ciphers *ciphers)
{
	if (ciphers == NULL)
		return;
	for (size_t i = 0; i < COUNT(suites); i++) {
		for (int seals = 0; seals < 2; seals++)
			EVP_CIPHER_CTX_free(ciphers->slots[i][seals].ctx);
		EVP_MAC_CTX_free(ciphers->hmac[i]);
	}
	free(ciphers);
}

/* Keys */

/* HKDF-Expand-Label with an empty context (§7.1), for no more than one block of the hash. */
static void
expand(struct record_ciphers *ciphers, unsigned suite, const unsigned char *secret,
       const char *label, unsigned char *out, size_t len)
{
	EVP_MAC_CTX *hmac = ciphers->hmac[suite];
	unsigned char info[64], block[EVP_MAX_MD_SIZE];
	size_t label_len = strlen(label), at = 0, block_len;

	assert(len <= suites[suite].hash_len && label_len <= 32);
	info[at++] = 0;
	info[at++] = (unsigned char)len;
	info[at++] = (unsigned char)(6 + label_len);
	memcpy(info + at, "tls13 ", 6);
	memcpy(info + at + 6, label, label_len);
	at += 6 + label_len;
	info[at++] = 0; /* no context */
	info[at++] = 1; /* RFC 5869 §2.3: the first block */
	if (!EVP_MAC_init(hmac, secret, suites[suite].hash_len, NULL) ||
	    !EVP_MAC_update(hmac, info, at) ||
	    !EVP_MAC_final(hmac, block, &block_len, sizeof(block)))
		abort();
	memcpy(out, block, len);
	OPENSSL_cleanse(block, sizeof(block));
}

/* §7.3 */
static void
derive(struct record_ciphers *ciphers, unsigned suite, struct record_keys *keys)
{
	static atomic_uint_fast64_t last_id;

	expand(ciphers, suite, keys->secret, "key", keys->key, suites[suite].key_len);
	expand(ciphers, suite, keys->secret, "iv", keys->iv, IV_LEN);
	keys->id = atomic_fetch_add_explicit(&last_id, 1, memory_order_relaxed) + 1;
	keys->sequence = 0;
}

/* §7.2 */
static void
update(struct record_ciphers *ciphers, unsigned suite, struct record_keys *keys)
{
	unsigned char next[RECORD_SECRET_MAX];

	expand(ciphers, suite, keys->secret, "traffic upd", next, suites[suite].hash_len);
	memcpy(keys->secret, next, suites[suite].hash_len);
	OPENSSL_cleanse(next, sizeof(next));
	derive(ciphers, suite, keys);
}

int
records_init(struct records *records, struct record_ciphers *ciphers, unsigned cipher,
	     const unsigned char *read_secret, const unsigned char *write_secret)
{
	*records = (struct records){0};
	while (records->suite < COUNT(suites) && suites[records->suite].number != cipher)
		records->suite++;
	if (records->suite == COUNT(suites))
		return -1;
	memcpy(records->read.secret, read_secret, suites[records->suite].hash_len);
	memcpy(records->write.secret, write_secret, suites[records->suite].hash_len);
	derive(ciphers, records->suite, &records->read);
	derive(ciphers, records->suite, &records->write);
	return 0;
}

void
records_end(struct records *records)
{
	buf_free(&records->partial);
	OPENSSL_cleanse(records, sizeof(*records));
}

/* Makes the thread's context ready for the next record of KEYS and gives it the header (§5.2). */
static EVP_CIPHER_CTX *
begin(struct record_ciphers *ciphers, unsigned suite, bool seals, struct record_keys *keys,
      const unsigned char header[HEADER_LEN])
{
	bool is_same = ciphers->slots[suite][seals].key_id == keys->id;
	EVP_CIPHER_CTX *ctx = ciphers->slots[suite][seals].ctx;
	unsigned char nonce[IV_LEN];
	int len;

	memcpy(nonce, keys->iv, IV_LEN); /* §5.3 */
	for (unsigned i = 0; i < 8; i++)
		nonce[IV_LEN - 1 - i] ^= (unsigned char)(keys->sequence >> (8 * i));
	keys->sequence++;
	ciphers->slots[suite][seals].key_id = keys->id;
	if (!EVP_CipherInit_ex(ctx, NULL, NULL, is_same ? NULL : keys->key, nonce, seals) ||
	    !EVP_CipherUpdate(ctx, NULL, &len, header, HEADER_LEN))
		abort(); /* arguments are right: OpenSSL itself is broken */
	return ctx;
}

/* Sealing */

static void
seal(struct records *records, struct record_ciphers *ciphers, unsigned char type, struct str bytes,
     struct buf *out)
{
	size_t inner = bytes.len + 1;
	unsigned char *p = (unsigned char *)buf_room(out, HEADER_LEN + inner + TAG_LEN);
	EVP_CIPHER_CTX *ctx;
	int len, rest;

	p[0] = RECORD_DATA;
	p[1] = 3;
	p[2] = 3;
	p[3] = (unsigned char)((inner + TAG_LEN) >> 8);
	p[4] = (unsigned char)(inner + TAG_LEN);
	ctx = begin(ciphers, records->suite, true, &records->write, p);
	p += HEADER_LEN;
	memcpy(p, bytes.p, bytes.len);
	p[bytes.len] = type;
	if (!EVP_CipherUpdate(ctx, p, &len, p, (int)inner) ||
	    !EVP_CipherFinal_ex(ctx, p + len, &rest) ||
	    !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, p + inner))
		abort();
	buf_wrote(out, HEADER_LEN + inner + TAG_LEN);
}

/* New keys for what we send: because the peer asked, or the old ones have been used enough. */
static void
update_write_keys(struct records *records, struct record_ciphers *ciphers, struct buf *out)
{
	records->owes_key_update = false;
	seal(records, ciphers, RECORD_HANDSHAKE, STR("\x18\0\0\1\0"), out);
	update(ciphers, records->suite, &records->write);
}

void
records_seal(struct records *records, struct record_ciphers *ciphers, struct str bytes,
	     struct buf *out)
{
	while (bytes.len > 0) {
		struct str piece = str_first(bytes, RECORD_PLAIN_MAX);

		if (records->owes_key_update || records->write.sequence >= SEALED_MAX)
			update_write_keys(records, ciphers, out);
		seal(records, ciphers, RECORD_DATA, piece, out);
		bytes = str_from(bytes, piece.len);
	}
}

void
records_alert(struct records *records, struct record_ciphers *ciphers, unsigned char description,
	      struct buf *out)
{
	char alert[2] = {description == ALERT_CLOSE_NOTIFY ? 1 : 2, (char)description};

	seal(records, ciphers, RECORD_ALERT, str_of(alert, 2), out);
}

/* Opening */

struct verdict {
	enum record_result result;
	unsigned char alert;
	const char *why;
};

static const struct verdict fine = {RECORDS_OK, 0, NULL};

static struct verdict
bad(unsigned char alert, const char *why)
{
	return (struct verdict){RECORDS_BAD, alert, why};
}

/*
 * The only message that a client may send now (§4.6): no post-handshake authentication was asked
 * for. It must end with its record, since the next one has new keys (§5.1), and nobody cuts five
 * bytes in two.
 */
static struct verdict
take_handshake(struct records *records, struct record_ciphers *ciphers, struct str message)
{
	if (message.len != 5 || memcmp(message.p, "\x18\0\0\1", 4) != 0)
		return bad(ALERT_UNEXPECTED_MESSAGE, "an unexpected TLS handshake message");
	if ((unsigned char)message.p[4] > 1)
		return bad(ALERT_ILLEGAL_PARAMETER, "a bad TLS KeyUpdate");
	/* Many requests get one answer, with the next data. */
	records->owes_key_update |= message.p[4] == 1;
	update(ciphers, records->suite, &records->read);
	return fine;
}

static struct verdict
take_alert(struct str alert)
{
	if (alert.len != 2)
		return bad(ALERT_DECODE_ERROR, "a bad TLS alert");
	if (alert.p[1] == ALERT_CLOSE_NOTIFY)
		return (struct verdict){RECORDS_CLOSED, 0, NULL};
	if (alert.p[1] == ALERT_USER_CANCELED) /* §6.1: close_notify follows */
		return fine;
	return bad(0, "a fatal TLS alert"); /* §6: whatever its level says */
}

/* Opens RECORD, header and all, into PLAIN. *LEN is grown by the data that was in it. */
static struct verdict
open_record(struct records *records, struct record_ciphers *ciphers, struct str record, char *plain,
	    size_t *len)
{
	unsigned char *to = (unsigned char *)plain + *len, tag[TAG_LEN];
	const unsigned char *header = (const unsigned char *)record.p;
	size_t inner = record.len - HEADER_LEN - TAG_LEN;
	EVP_CIPHER_CTX *ctx = begin(ciphers, records->suite, false, &records->read, header);
	struct str content;
	int opened, rest;

	memcpy(tag, record.p + record.len - TAG_LEN, TAG_LEN);
	if (!EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag))
		abort();
	if (!EVP_CipherUpdate(ctx, to, &opened, header + HEADER_LEN, (int)inner) ||
	    !EVP_CipherFinal_ex(ctx, to + opened, &rest)) {
		OPENSSL_cleanse(to, inner); /* not authentic: nobody may see it */
		return bad(ALERT_BAD_RECORD_MAC, "a TLS record that is not authentic");
	}
	while (inner > 0 && to[inner - 1] == 0) /* §5.4: padding */
		inner--;
	if (inner == 0)
		return bad(ALERT_UNEXPECTED_MESSAGE, "a TLS record without content");
	content = str_of(to, inner - 1);
	if (content.len > RECORD_PLAIN_MAX)
		return bad(ALERT_RECORD_OVERFLOW, "a TLS record that is too long");
	/* KeyUpdates, empty records, alerts that end nothing: work that no rate limit sees. */
	if (to[inner - 1] == RECORD_DATA && content.len > 0)
		records->without_data = 0;
	else if (++records->without_data > WITHOUT_DATA_MAX)
		return bad(ALERT_UNEXPECTED_MESSAGE, "too many TLS records without data");
	switch (to[inner - 1]) {
	case RECORD_DATA:
		*len += content.len;
		return fine;
	case RECORD_HANDSHAKE:
		return take_handshake(records, ciphers, content);
	case RECORD_ALERT:
		return take_alert(content);
	default:
		return bad(ALERT_UNEXPECTED_MESSAGE, "a TLS record of an unknown type");
	}
}

/* Takes the first record of *INPUT, if it is whole, else STR_NONE. */
static struct verdict
next_record(struct str *input, struct str *record)
{
	const unsigned char *p = (const unsigned char *)input->p;
	size_t len;

	*record = STR_NONE;
	if (input->len < HEADER_LEN)
		return fine;
	len = (size_t)p[3] << 8 | p[4];
	/* Everything is encrypted by now, and what is has this outer type (§5.2). */
	if (p[0] != RECORD_DATA)
		return bad(ALERT_UNEXPECTED_MESSAGE, "a TLS record that is not encrypted");
	if (len > RECORD_MAX - HEADER_LEN)
		return bad(ALERT_RECORD_OVERFLOW, "a TLS record that is too long");
	if (len <= TAG_LEN)
		return bad(ALERT_DECODE_ERROR, "a TLS record that is too short");
	if (input->len < HEADER_LEN + len)
		return fine;
	*record = str_first(*input, HEADER_LEN + len);
	*input = str_from(*input, HEADER_LEN + len);
	return fine;
}

enum record_result
records_open(struct records *records, struct record_ciphers *ciphers, struct str *input,
	     char *plain, size_t *len, unsigned char *alert, const char **why)
{
	struct verdict verdict;
	struct str record;

	*len = 0;
	for (;;) {
		verdict = next_record(input, &record);
		if (verdict.result == RECORDS_OK && record.p != NULL)
			verdict = open_record(records, ciphers, record, plain, len);
		if (verdict.result != RECORDS_OK || record.p == NULL)
			break;
	}
	*alert = verdict.alert;
	*why = verdict.why;
	return verdict.result;
}
