/* SPDX-License-Identifier: MIT */
/*
 * records.h - the record protection of TLS 1.3 (RFC 8446 §5), for a server after its handshake.
 *
 * OpenSSL's session keeps some 13 KiB, most of it for handshakes. XMPP connections live for days
 * after theirs, so the keys are taken over here, in a few hundred bytes, as kernel TLS would take
 * them. Negotiation, certificates and all mathematics stay OpenSSL's; see doc/decisions.md.
 */
#pragma once

#include "base/buf.h"

#include <openssl/evp.h>

#define RECORD_PLAIN_MAX 16384u                   /* §5.1 */
#define RECORD_MAX (5u + RECORD_PLAIN_MAX + 256u) /* §5.2 */
#define RECORD_SECRET_MAX 48u                     /* of the hashes of all suites */

/* Contents (§5.1) and alerts (§6) that are spoken of here. */
enum { RECORD_ALERT = 21, RECORD_HANDSHAKE = 22, RECORD_DATA = 23 };

/* One thread's cipher contexts: the keys of many connections pass through them. */
struct record_ciphers;
struct record_ciphers *record_ciphers_new(void);
void record_ciphers_free(struct record_ciphers *ciphers); /* takes NULL */

/* One direction. */
struct record_keys {
	uint64_t id;       /* of this key, unlike that of any other in the process */
	uint64_t sequence; /* §5.3 */
	unsigned char secret[RECORD_SECRET_MAX], key[32], iv[12];
};

struct records {
	struct record_keys read, write;
	unsigned char suite;        /* index of the cipher suite */
	bool owes_key_update;       /* the peer asked, §4.6.3 */
	unsigned char without_data; /* records received since there was data */
	struct buf partial;         /* the beginning of a record that has not come whole */
};

/*
 * Starts both directions from the application traffic secrets (§7.2). CIPHER: TLS's number of the
 * suite. Returns 0, or -1 for a suite that is not supported here.
 */
MUST_CHECK int records_init(struct records *records, struct record_ciphers *ciphers,
			    unsigned cipher, const unsigned char *read_secret,
			    const unsigned char *write_secret);
/* Wipes the keys. */
void records_end(struct records *records);

/* Appends BYTES to OUT in as few records as possible. */
void records_seal(struct records *records, struct record_ciphers *ciphers, struct str bytes,
		  struct buf *out);
/* Appends an alert, §6: close_notify (0), or a fatal one. */
void records_alert(struct records *records, struct record_ciphers *ciphers,
		   unsigned char description, struct buf *out);

enum record_result {
	RECORDS_OK,     /* all whole records were opened */
	RECORDS_CLOSED, /* close_notify; what follows counts no more */
	RECORDS_BAD,    /* *WHY says why; *ALERT is what to send, 0: nothing */
};
/*
 * Opens all whole records of *INPUT, which moves on behind them, and writes their data to PLAIN,
 * which must have room for as many bytes as *INPUT has. *LEN is how many there were, also when what
 * follows them is bad.
 */
enum record_result records_open(struct records *records, struct record_ciphers *ciphers,
				struct str *input, char *plain, size_t *len, unsigned char *alert,
				const char **why);
