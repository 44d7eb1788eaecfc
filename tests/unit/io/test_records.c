/* SPDX-License-Identifier: MIT */
/* test_records.c - record protection against the traces of RFC 8448, and against what is not a
 * record. */
#include "test.h"

#include "io/records.h"

#include <stdio.h>
#include <stdlib.h>

enum { AES_128 = 0x1301, AES_256 = 0x1302, CHACHA = 0x1303 };

static struct str
unhex(struct arena *arena, const char *text)
{
	unsigned char *p = arena_alloc(arena, strlen(text) / 2 + 1);
	size_t len = 0;

	for (; *text != '\0'; text += *text == ' ' ? 1 : 2)
		if (*text != ' ')
			sscanf(text, "%2hhx", &p[len++]);
	return str_of(p, len);
}

struct ends {
	struct record_ciphers *ciphers;
	struct records server, client; /* the client's is the mirror image */
	char plain[70000];
	size_t len;
	unsigned char alert;
	const char *why;
};

static void
set_up(struct test *t, struct ends *e, unsigned suite)
{
	unsigned char client[48], server[48];

	memset(e, 0, sizeof(*e));
	memset(client, 1, sizeof(client));
	memset(server, 2, sizeof(server));
	e->ciphers = record_ciphers_new();
	check_int(t, records_init(&e->server, e->ciphers, suite, client, server), 0);
	check_int(t, records_init(&e->client, e->ciphers, suite, server, client), 0);
}

static void
tear_down(struct ends *e)
{
	records_end(&e->server);
	records_end(&e->client);
	record_ciphers_free(e->ciphers);
}

static enum record_result
open_at(struct ends *e, struct records *records, struct str *input)
{
	return records_open(records, e->ciphers, input, e->plain, &e->len, &e->alert, &e->why);
}

/* A record with any content, inner type and padding, sealed by a client. */
static struct str
craft(struct arena *arena, struct records *client, unsigned char type, struct str content,
      size_t padding)
{
	size_t inner = content.len + 1 + padding;
	unsigned char *p = arena_alloc(arena, 5 + inner + 16), nonce[12];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int len;

	p[0] = 23;
	p[1] = p[2] = 3;
	p[3] = (unsigned char)((inner + 16) >> 8);
	p[4] = (unsigned char)(inner + 16);
	if (content.len > 0)
		memcpy(p + 5, content.p, content.len);
	p[5 + content.len] = type;
	memcpy(nonce, client->write.iv, 12);
	for (unsigned i = 0; i < 8; i++)
		nonce[11 - i] ^= (unsigned char)(client->write.sequence >> (8 * i));
	client->write.sequence++;
	EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, client->write.key, nonce);
	EVP_EncryptUpdate(ctx, NULL, &len, p, 5);
	EVP_EncryptUpdate(ctx, p + 5, &len, p + 5, (int)inner);
	EVP_EncryptFinal_ex(ctx, p + 5 + inner, &len);
	EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, p + 5 + inner);
	EVP_CIPHER_CTX_free(ctx);
	return str_of(p, 5 + inner + 16);
}

/* RFC 8448 §3, "Simple 1-RTT Handshake": the application traffic secrets, data and alerts. */
static const char client_secret[] =
	"9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5";
static const char server_secret[] =
	"a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643";
static const char client_data[] =
	"1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20"
	"441e2b62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4";
static const char client_alert[] = "1703030013c9872760655666b74d7ff1153efd6db6d0b0e3";
static const char server_data[] =
	"17030300432e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d90e6dffc602dcb50"
	"1a59a8fcc49c4bf2e5f0a21c0047c2abf332540dd032e167c2955d";
static const char server_alert[] = "1703030013b58fd67166ebf599d24720cfbe7efa7a8864a9";

TEST(records_rfc8448)
{
	struct ends e = {.ciphers = record_ciphers_new()};
	struct buf sealed = {0};
	struct str in = unhex(t->arena, client_data);
	char payload[50];

	for (unsigned i = 0; i < sizeof(payload); i++)
		payload[i] = (char)i;
	check_int(t,
		  records_init(&e.server, e.ciphers, AES_128,
			       (const unsigned char *)unhex(t->arena, client_secret).p,
			       (const unsigned char *)unhex(t->arena, server_secret).p),
		  0);
	check_int(t, open_at(&e, &e.server, &in), RECORDS_OK);
	check_strs(t, str_of(e.plain, e.len), str_of(payload, sizeof(payload)));
	in = unhex(t->arena, client_alert);
	check_int(t, open_at(&e, &e.server, &in), RECORDS_CLOSED);

	e.server.write.sequence = 1; /* a session ticket went before */
	records_seal(&e.server, e.ciphers, str_of(payload, sizeof(payload)), &sealed);
	check_strs(t, buf_str(&sealed), unhex(t->arena, server_data));
	buf_clear(&sealed);
	records_alert(&e.server, e.ciphers, 0, &sealed);
	check_strs(t, buf_str(&sealed), unhex(t->arena, server_alert));
	buf_free(&sealed);
	tear_down(&e);
}

static const unsigned all_suites[] = {AES_128, AES_256, CHACHA};
static const size_t sizes[] = {1, 15, 16, 17, 16383, 16384, 16385, 50000};

TEST(records_both_ways)
{
	for (size_t i = 0; i < COUNT(all_suites) * COUNT(sizes); i++) {
		size_t size = sizes[i % COUNT(sizes)];
		struct buf sealed = {0};
		struct ends e;
		struct str in;
		char *text = arena_bytes(t->arena, size);

		test_row(t, arena_printf(t->arena, "%zu", i).p);
		set_up(t, &e, all_suites[i / COUNT(sizes)]);
		memset(text, (int)i + 'A', size);
		for (unsigned round = 0; round < 2; round++) {
			struct records *from = round ? &e.server : &e.client;

			records_seal(from, e.ciphers, str_of(text, size), &sealed);
			check_int(t, (intmax_t)buf_len(&sealed),
				  (intmax_t)(size + (size + 16383) / 16384 * 22));
			in = buf_str(&sealed);
			check_int(t, open_at(&e, round ? &e.client : &e.server, &in), RECORDS_OK);
			check(t, str_equal(str_of(e.plain, e.len), str_of(text, size)));
			check_int(t, (intmax_t)in.len, 0);
			buf_clear(&sealed);
		}
		buf_free(&sealed);
		tear_down(&e);
	}
}

/* Nothing but the whole record, unchanged, in its place, is taken. */
TEST(records_refuse_every_change)
{
	struct buf sealed = {0};
	struct str in;
	struct ends e;

	set_up(t, &e, AES_128);
	records_seal(&e.client, e.ciphers, STR("<presence/>"), &sealed);
	for (size_t i = 0; i < buf_len(&sealed) * 8; i++) {
		struct records server = e.server;
		enum record_result result;

		sealed.p[i / 8] ^= (char)(1 << i % 8);
		in = buf_str(&sealed);
		result = open_at(&e, &server, &in);
		/* A greater length only means that more is to come. */
		if (result == RECORDS_OK)
			check(t, i / 8 >= 3 && i / 8 <= 4 && in.len == buf_len(&sealed));
		else
			check_int(t, result, RECORDS_BAD);
		check_int(t, (intmax_t)e.len, 0);
		sealed.p[i / 8] ^= (char)(1 << i % 8);
	}
	for (size_t len = 0; len < buf_len(&sealed); len++) {
		in = str_first(buf_str(&sealed), len);
		check_int(t, open_at(&e, &e.server, &in), RECORDS_OK);
		check(t, e.len == 0 && in.len == len);
	}
	in = buf_str(&sealed);
	check_int(t, open_at(&e, &e.server, &in), RECORDS_OK);
	check_str(t, str_of(e.plain, e.len), "<presence/>");
	in = buf_str(&sealed); /* replayed */
	check_int(t, open_at(&e, &e.server, &in), RECORDS_BAD);
	check_int(t, e.alert, 20);
	buf_free(&sealed);
	tear_down(&e);
}

static const struct {
	const char *name, *header;
	int alert; /* -1: more is to come */
} headers[] = {
	{"plain alert", "15 0303 0002 0100", 10},
	{"change cipher spec", "14 0303 0001 01", 10},
	{"plain handshake", "16 0303 0005 1800000100", 10},
	{"http", "47 4554 202f", 10},
	{"empty", "17 0303 0000", 50},
	{"tag only", "17 0303 0010 00000000000000000000000000000000", 50},
	{"too long", "17 0303 4101", 22},
	{"longest", "17 0303 4100", -1},
	{"cut", "17 0303 00", -1},
};

TEST(records_headers)
{
	struct ends e;

	set_up(t, &e, AES_128);
	for (size_t i = 0; i < COUNT(headers); i++) {
		struct str in = unhex(t->arena, headers[i].header);
		enum record_result result = open_at(&e, &e.server, &in);

		test_row(t, headers[i].name);
		check_int(t, result, headers[i].alert < 0 ? RECORDS_OK : RECORDS_BAD);
		if (headers[i].alert >= 0)
			check_int(t, e.alert, headers[i].alert);
	}
	tear_down(&e);
}

static const struct {
	const char *name;
	unsigned char type;
	const char *content;
	unsigned padding;
	enum record_result result;
	unsigned char alert;
} contents[] = {
	{"data", 23, "61", 0, RECORDS_OK, 0},
	{"padded data", 23, "61", 300, RECORDS_OK, 0},
	{"no data", 23, "", 0, RECORDS_OK, 0},
	{"padding alone", 0, "", 20, RECORDS_BAD, 10},
	{"unknown type", 24, "61", 0, RECORDS_BAD, 10},
	{"inner change cipher spec", 20, "01", 0, RECORDS_BAD, 10},
	{"close_notify", 21, "0100", 0, RECORDS_CLOSED, 0},
	{"close_notify called fatal", 21, "0200", 0, RECORDS_CLOSED, 0},
	{"user_canceled", 21, "015a", 0, RECORDS_OK, 0},
	{"fatal alert", 21, "0214", 0, RECORDS_BAD, 0},
	{"alert called warning", 21, "0114", 0, RECORDS_BAD, 0},
	{"half an alert", 21, "01", 0, RECORDS_BAD, 50},
	{"two alerts", 21, "01000100", 0, RECORDS_BAD, 50},
	{"key update", 22, "1800000100", 0, RECORDS_OK, 0},
	{"key update, asking", 22, "1800000101", 0, RECORDS_OK, 0},
	{"key update, bad", 22, "1800000102", 0, RECORDS_BAD, 47},
	{"key update, and more", 22, "18000001001800000100", 0, RECORDS_BAD, 10},
	{"half a key update", 22, "180000", 0, RECORDS_BAD, 10},
	{"client hello", 22, "01000000", 0, RECORDS_BAD, 10},
	{"empty handshake", 22, "", 0, RECORDS_BAD, 10},
};

TEST(records_contents)
{
	for (size_t i = 0; i < COUNT(contents); i++) {
		struct ends e;
		struct str in;

		test_row(t, contents[i].name);
		set_up(t, &e, AES_128);
		in = craft(t->arena, &e.client, contents[i].type,
			   unhex(t->arena, contents[i].content), contents[i].padding);
		check_int(t, open_at(&e, &e.server, &in), contents[i].result);
		if (contents[i].result == RECORDS_BAD)
			check_int(t, e.alert, contents[i].alert);
		tear_down(&e);
	}
}

/* §5.1: one byte too much, though it fits into the longest record. */
TEST(records_inner_overflow)
{
	struct ends e;
	struct str in;

	set_up(t, &e, AES_128);
	in = craft(t->arena, &e.client, 23, str_of(e.plain, 16384), 100);
	check_int(t, open_at(&e, &e.server, &in), RECORDS_OK);
	check_int(t, (intmax_t)e.len, 16384);
	in = craft(t->arena, &e.client, 23, str_of(e.plain, 16385), 0);
	check_int(t, open_at(&e, &e.server, &in), RECORDS_BAD);
	check_int(t, e.alert, 22);
	check_int(t, (intmax_t)e.len, 0);
	tear_down(&e);
}

/* What came before the fault counts. */
TEST(records_data_before_a_fault)
{
	struct buf sealed = {0};
	struct ends e;
	struct str in;

	set_up(t, &e, CHACHA);
	records_seal(&e.client, e.ciphers, STR("</stream:stream>"), &sealed);
	records_alert(&e.client, e.ciphers, 0, &sealed);
	buf_addz(&sealed, "trailing");
	in = buf_str(&sealed);
	check_int(t, open_at(&e, &e.server, &in), RECORDS_CLOSED);
	check_str(t, str_of(e.plain, e.len), "</stream:stream>");
	buf_free(&sealed);
	tear_down(&e);
}

/* §4.6.3 */
TEST(records_key_update)
{
	struct buf sealed = {0};
	struct ends e;
	struct str in;

	set_up(t, &e, AES_128);
	for (unsigned i = 0; i < 200; i++) {
		uint64_t old = e.server.write.id;

		/* Two requests, with data that has the keys between, and one answer. */
		buf_clear(&sealed);
		for (unsigned k = 0; k < 2; k++) {
			in = craft(t->arena, &e.client, 22, unhex(t->arena, "1800000101"), 0);
			check_int(t, open_at(&e, &e.server, &in), RECORDS_OK);
			check(t, e.server.owes_key_update);
			e.client.write = e.server.read; /* the same derivation */
			records_seal(&e.client, e.ciphers, STR("x"), &sealed);
			in = buf_str(&sealed);
			check_int(t, open_at(&e, &e.server, &in), RECORDS_OK);
			check_int(t, (intmax_t)e.len, 1);
			buf_clear(&sealed);
		}
		records_seal(&e.server, e.ciphers, STR("y"), &sealed);
		check(t, e.server.write.id != old && !e.server.owes_key_update);
		in = buf_str(&sealed);
		check_int(t, open_at(&e, &e.client, &in), RECORDS_OK);
		check_str(t, str_of(e.plain, e.len), "y");
	}
	/* Without any data they are an attack. */
	for (unsigned i = 0; i < 64; i++) {
		in = craft(t->arena, &e.client, 22, unhex(t->arena, "1800000100"), 0);
		check_int(t, open_at(&e, &e.server, &in), RECORDS_OK);
		e.client.write = e.server.read;
	}
	in = craft(t->arena, &e.client, 22, unhex(t->arena, "1800000100"), 0);
	check_int(t, open_at(&e, &e.server, &in), RECORDS_BAD);
	buf_free(&sealed);
	tear_down(&e);
}

/* SEC-13: what costs us work and is no data comes in small numbers only. */
TEST(sec13_records_without_data)
{
	static const struct {
		unsigned char type;
		struct str content;
	} rows[] = {{23, STR("")}, {21, STR("\1\132")}}; /* nothing; user_canceled */

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct ends e;
		struct str in;

		set_up(t, &e, AES_128);
		for (unsigned k = 0; k < 200; k++) {
			if (k % 64 == 0) {
				in = craft(t->arena, &e.client, 23, STR("x"), 0);
				check_int(t, open_at(&e, &e.server, &in), RECORDS_OK);
			}
			in = craft(t->arena, &e.client, rows[i].type, rows[i].content, 0);
			check_int(t, open_at(&e, &e.server, &in), RECORDS_OK);
		}
		for (unsigned k = 0; k < 56; k++) {
			in = craft(t->arena, &e.client, rows[i].type, rows[i].content, 0);
			check_int(t, open_at(&e, &e.server, &in), RECORDS_OK);
		}
		in = craft(t->arena, &e.client, rows[i].type, rows[i].content, 0);
		check_int(t, open_at(&e, &e.server, &in), RECORDS_BAD);
		check_int(t, e.alert, 10);
		tear_down(&e);
	}
}

/* §5.5: a key is not used for ever. */
TEST(records_keys_wear_out)
{
	struct buf sealed = {0};
	struct ends e;
	struct str in;

	set_up(t, &e, AES_128);
	e.server.write.sequence = e.client.read.sequence = ((uint64_t)1 << 24) - 1;
	for (unsigned i = 0; i < 3; i++) {
		buf_clear(&sealed);
		records_seal(&e.server, e.ciphers, STR("z"), &sealed);
		in = buf_str(&sealed);
		check_int(t, open_at(&e, &e.client, &in), RECORDS_OK);
		check_str(t, str_of(e.plain, e.len), "z");
		check_int(t, (intmax_t)e.server.write.sequence, i == 0 ? 1 << 24 : i);
	}
	buf_free(&sealed);
	tear_down(&e);
}

TEST(records_unknown_suite)
{
	struct record_ciphers *ciphers = record_ciphers_new();
	struct records records;
	unsigned char secret[48] = {0};

	check_int(t, records_init(&records, ciphers, 0x1304, secret, secret), -1);
	record_ciphers_free(ciphers);
}
