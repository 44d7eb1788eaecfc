/* SPDX-License-Identifier: MIT */
/*
 * fuzz_sasl.c - both sides of SASL, and stored credentials: any messages end in success or in a
 * failure with a reason; nobody succeeds without an account, and nobody but its owner.
 *
 * The same of hashed tokens: only who has the token is let in.
 *
 * Input: one byte for the side and the mechanism, then messages, each ended by a line feed.
 */
#include "xmpp/sasl.h"
#include "xmpp/sasl_ht.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HAS_ACCOUNT 0x10
#define IS_CLIENT 0x20
#define IS_STORED 0x40
#define IS_TOKEN 0x80
#define MESSAGES_MAX 6

static const unsigned char key[32] = "a key that fuzzers may know, too";

static void
need(bool claim)
{
	if (!claim)
		abort();
}

/* One iteration: what counts here is not how long a password holds out. */
static const struct credentials *
account(void)
{
	static struct credentials made;

	for (size_t i = 0; i < SCRAM_HASH_COUNT && !made.scram[i].is_set; i++)
		scram_keys_derive((enum scram_hash)i, STR("secret"), STR("sixteen of salt."), 1,
				  &made.scram[i]);
	return &made;
}

static void
run_server(struct str *messages, enum sasl_mechanism mechanism, const struct credentials *who)
{
	struct str ids[] = {STR("romeo@example.net")};
	struct sasl_server_options options = {
		.mechanism = mechanism,
		.host = STR("example.net"),
		.binding = {STR("exporter"), STR("end point")},
		.offered = (1u << SASL_MECHANISM_COUNT) - 1,
		.unknown_user_key = key,
		.fake_iterations = 1,
		.nonce = STR("b"),
		.certificate_ids = ids,
		.certificate_id_count = 1,
	};
	struct sasl_server *server = sasl_server_new(&options);
	enum sasl_step step = SASL_CHALLENGE;
	struct str in, out;
	const char *why = NULL;

	for (int n = 0; step == SASL_CHALLENGE && n < MESSAGES_MAX; n++) {
		if (!str_split(messages, '\n', &in) || (n == 0 && in.len == 0))
			in = STR_NONE; /* no initial response */
		step = sasl_server_step(server, in, &out);
		if (step == SASL_LOOK_UP)
			step = sasl_server_credentials(server, who, &out);
		if (step == SASL_CHECK) {
			sasl_server_check(server);
			step = sasl_server_checked(server, &out);
		}
	}
	need(step == SASL_SUCCESS || step == SASL_FAILURE);
	if (step == SASL_FAILURE) {
		need(sasl_failure_name(sasl_server_failure(server, &why)) != NULL && why != NULL);
	} else if (mechanism == SASL_ANONYMOUS) {
		need(sasl_server_username(server).len == 0);
	} else {
		need(who != NULL);
		if (mechanism == SASL_EXTERNAL)
			need(str_is(sasl_server_username(server), "romeo"));
	}
	sasl_server_free(server);
}

/* Whether a server asks for so many iterations that the fuzzer would only wait. */
static bool
is_slow(struct str message)
{
	for (size_t i = 0; i + 6 < message.len; i++)
		if (str_starts(str_from(message, i), STR("i=")) && message.p[i + 6] >= '0' &&
		    message.p[i + 6] <= '9')
			return true;
	return false;
}

/* The server side of this does not know the password, so the client must not be content. */
static void
run_client(struct str *messages, enum sasl_mechanism mechanism)
{
	struct sasl_binding binding = {STR("exporter"), STR_NONE};
	struct sasl_client *client =
		sasl_client_new(mechanism, STR("romeo"), STR("secret"), STR_NONE, binding);
	struct str in, out;
	const char *why = NULL;
	int rc;

	sasl_client_set_nonce(client, STR("a"));
	need(sasl_client_step(client, STR_NONE, &out, &why) == 0);
	do {
		if (!str_split(messages, '\n', &in) || is_slow(in))
			in = STR_NONE;
		rc = sasl_client_step(client, in, &out, &why);
	} while (rc == 0 && in.p != NULL);
	need(rc == 0 || why != NULL);
	rc = sasl_client_finish(client, in, &why);
	if (mechanism < SASL_EXTERNAL)
		need(rc < 0 && why != NULL);
	sasl_client_free(client);
}

/* What is read is written the same, but for the order of the hashes. */
static void
run_stored(struct arena *arena, struct str text)
{
	struct credentials read, again;
	struct str written;

	if (credentials_parse(arena, text, &read) < 0)
		return;
	written = credentials_format(arena, &read);
	need(written.len == text.len);
	need(credentials_parse(arena, written, &again) == 0);
	need(str_equal(credentials_format(arena, &again), written));
}

static void
run_token(struct arena *arena, struct str in)
{
	struct ht_message message;

	if (ht_read(in, &message) < 0)
		return;
	need(message.authcid.len > 0 && message.hash.len == HT_HASH_SIZE);
	need(ht_verify(STR("token"), STR("data"), message.hash) ==
	     str_equal(ht_ask(arena, message.authcid, STR("token"), STR("data")), in));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena;
	struct str messages;
	enum sasl_mechanism mechanism;

	if (size == 0)
		return 0;
	arena = arena_new();
	messages = arena_dup(arena, str_of(data + 1, size - 1));
	mechanism = (enum sasl_mechanism)((data[0] & 0x0f) % SASL_MECHANISM_COUNT);
	if (data[0] & IS_TOKEN)
		run_token(arena, messages);
	else if (data[0] & IS_STORED)
		run_stored(arena, messages);
	else if (data[0] & IS_CLIENT)
		run_client(&messages, mechanism);
	else
		run_server(&messages, mechanism, data[0] & HAS_ACCOUNT ? account() : NULL);
	arena_free(arena);
	return 0;
}
