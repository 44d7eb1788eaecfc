/* SPDX-License-Identifier: MIT */
/* sasl_names.c - the registered names of mechanisms and failures. */
#include "xmpp/sasl_server.h"

static const struct {
	const char *name;
	bool is_scram, is_plus;
	enum scram_hash hash;
} mechanisms[SASL_MECHANISM_COUNT] = {
	[SASL_SCRAM_SHA_512_PLUS] = {"SCRAM-SHA-512-PLUS", true, true, SCRAM_SHA_512},
	[SASL_SCRAM_SHA_256_PLUS] = {"SCRAM-SHA-256-PLUS", true, true, SCRAM_SHA_256},
	[SASL_SCRAM_SHA_1_PLUS] = {"SCRAM-SHA-1-PLUS", true, true, SCRAM_SHA_1},
	[SASL_SCRAM_SHA_512] = {"SCRAM-SHA-512", true, false, SCRAM_SHA_512},
	[SASL_SCRAM_SHA_256] = {"SCRAM-SHA-256", true, false, SCRAM_SHA_256},
	[SASL_SCRAM_SHA_1] = {"SCRAM-SHA-1", true, false, SCRAM_SHA_1},
	[SASL_EXTERNAL] = {"EXTERNAL"},
	[SASL_PLAIN] = {"PLAIN"},
	[SASL_ANONYMOUS] = {"ANONYMOUS"},
};

static const char *const failures[] = {
	[SASL_ABORTED] = "aborted",
	[SASL_ACCOUNT_DISABLED] = "account-disabled",
	[SASL_CREDENTIALS_EXPIRED] = "credentials-expired",
	[SASL_ENCRYPTION_REQUIRED] = "encryption-required",
	[SASL_INCORRECT_ENCODING] = "incorrect-encoding",
	[SASL_INVALID_AUTHZID] = "invalid-authzid",
	[SASL_INVALID_MECHANISM] = "invalid-mechanism",
	[SASL_MALFORMED_REQUEST] = "malformed-request",
	[SASL_MECHANISM_TOO_WEAK] = "mechanism-too-weak",
	[SASL_NOT_AUTHORIZED] = "not-authorized",
	[SASL_TEMPORARY_AUTH_FAILURE] = "temporary-auth-failure",
};

const char *
sasl_mechanism_name(enum sasl_mechanism mechanism)
{
	return mechanisms[mechanism].name;
}

int
sasl_mechanism_parse(struct str name, enum sasl_mechanism *out)
{
	for (size_t i = 0; i < COUNT(mechanisms); i++) {
		if (str_is(name, mechanisms[i].name)) {
			*out = (enum sasl_mechanism)i;
			return 0;
		}
	}
	return -1;
}

bool
sasl_is_scram(enum sasl_mechanism mechanism, enum scram_hash *hash, bool *is_plus)
{
	*hash = mechanisms[mechanism].hash;
	*is_plus = mechanisms[mechanism].is_plus;
	return mechanisms[mechanism].is_scram;
}

const char *
sasl_failure_name(enum sasl_failure failure)
{
	return failures[failure];
}
