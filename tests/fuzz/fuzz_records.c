/* SPDX-License-Identifier: MIT */
/*
 * fuzz_records.c - TLS records: what a client may send after its handshake, well sealed or not.
 *
 * The first byte of each step says what comes: bytes as they are, or a record with any inner type,
 * content and padding under the right key. Data comes out exactly when it went in as data, in
 * order, before the first fault; whatever follows a fault is not looked at.
 */
#include "io/records.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
need(bool claim)
{
	if (!claim)
		abort();
}

/* Appends a record of TYPE with the next key of KEYS. */
static void
craft(struct record_keys *keys, unsigned char type, struct str content, size_t padding,
      struct buf *out)
{
	static EVP_CIPHER_CTX *ctx;
	size_t inner = content.len + 1 + padding;
	unsigned char *p = (unsigned char *)buf_room(out, 5 + inner + 16), nonce[12];
	int len;

	if (ctx == NULL)
		ctx = EVP_CIPHER_CTX_new();
	p[0] = 23;
	p[1] = p[2] = 3;
	p[3] = (unsigned char)((inner + 16) >> 8);
	p[4] = (unsigned char)(inner + 16);
	if (content.len > 0)
		memcpy(p + 5, content.p, content.len);
	p[5 + content.len] = type;
	memset(p + 6 + content.len, 0, padding);
	memcpy(nonce, keys->iv, 12);
	for (unsigned i = 0; i < 8; i++)
		nonce[11 - i] ^= (unsigned char)(keys->sequence >> (8 * i));
	keys->sequence++;
	need(EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, keys->key, nonce) == 1);
	need(EVP_EncryptUpdate(ctx, NULL, &len, p, 5) == 1);
	need(EVP_EncryptUpdate(ctx, p + 5, &len, p + 5, (int)inner) == 1);
	need(EVP_EncryptFinal_ex(ctx, p + 5 + inner, &len) == 1);
	need(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, p + 5 + inner) == 1);
	buf_wrote(out, 5 + inner + 16);
}

static struct str
take(struct str *input, size_t len)
{
	struct str piece = str_first(*input, len);

	*input = str_from(*input, len);
	return piece;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned char secret[32] = {1}, other[32] = {2};
	static struct record_ciphers *ciphers;
	struct records server;
	struct str input = str_of(data, size);
	struct buf wire = {0}, plain = {0}, answer = {0};
	enum record_result result = RECORDS_OK;
	bool is_garbled = false;

	if (ciphers == NULL)
		ciphers = record_ciphers_new();
	need(records_init(&server, ciphers, 0x1301, secret, other) == 0);
	while (input.len >= 3 && result == RECORDS_OK) {
		struct str head = take(&input, 3), content = take(&input, (unsigned char)head.p[1]),
			   rest;
		struct record_keys client = server.read;
		unsigned char type = (unsigned char)head.p[0], alert;
		const char *why;
		size_t len;

		if (type == 0xff) {
			buf_add(&wire, content);
			is_garbled |= content.len > 0;
		} else {
			is_garbled |= type == 0; /* then the end of CONTENT is the type */
			craft(&client, type, content, (unsigned char)head.p[2], &wire);
		}
		rest = buf_str(&wire);
		buf_room(&plain, rest.len);
		result = records_open(&server, ciphers, &rest, plain.p, &len, &alert, &why);
		need(len <= buf_len(&wire) && rest.len <= buf_len(&wire));
		need((result == RECORDS_BAD) == (why != NULL));
		if (!is_garbled) {
			need(rest.len == 0 || result != RECORDS_OK);
			need(len == (type == RECORD_DATA ? content.len : 0));
			need(len == 0 || memcmp(plain.p, content.p, len) == 0);
		}
		/* At most one answer is owed, whatever was asked. */
		buf_clear(&answer);
		records_seal(&server, ciphers, STR("a"), &answer);
		need(buf_len(&answer) <= 2 * 22 + 1 + 5);
		buf_consume(&wire, buf_len(&wire) - rest.len);
	}
	buf_free(&wire);
	buf_free(&plain);
	buf_free(&answer);
	records_end(&server);
	return 0;
}
