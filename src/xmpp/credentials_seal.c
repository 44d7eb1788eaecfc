/* SPDX-License-Identifier: MIT */
/* credentials_seal.c - passwords at rest under the host's key: nonce, AES-256-GCM text, tag. */
#include "xmpp/credentials.h"

#include "base/rand.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define NONCE_SIZE 12u /* NIST SP 800-38D §8.2: random, one each; far below 2^32 under a key */
#define TAG_SIZE 16u
#define PASSWORD_MAX 4096u

int
credentials_seal(struct arena *arena, const unsigned char key[32], struct str owner,
		 struct str password, struct str *out)
{
	size_t size = NONCE_SIZE + password.len + TAG_SIZE;
	unsigned char *p;
	EVP_CIPHER_CTX *ctx;
	int len, rc = -1;

	assert(owner.len > 0);
	if (password.len == 0 || password.len > PASSWORD_MAX)
		return -1;
	p = (unsigned char *)arena_bytes(arena, size);
	rand_bytes(p, NONCE_SIZE);
	ctx = EVP_CIPHER_CTX_new();
	if (ctx != NULL && EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, p) == 1 &&
	    EVP_EncryptUpdate(ctx, NULL, &len, (const unsigned char *)owner.p, (int)owner.len) ==
		    1 &&
	    EVP_EncryptUpdate(ctx, p + NONCE_SIZE, &len, (const unsigned char *)password.p,
			      (int)password.len) == 1 &&
	    EVP_EncryptFinal_ex(ctx, p + NONCE_SIZE + password.len, &len) == 1 &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_SIZE,
				p + NONCE_SIZE + password.len) == 1) {
		*out = str_of(p, size);
		rc = 0;
	}
	EVP_CIPHER_CTX_free(ctx);
	return rc;
}

int
credentials_unseal(struct arena *arena, const unsigned char key[32], struct str owner,
		   struct str sealed, struct str *password)
{
	const unsigned char *p = (const unsigned char *)sealed.p;
	EVP_CIPHER_CTX *ctx;
	unsigned char *text;
	size_t size;
	int len, rc = -1;

	assert(owner.len > 0);
	if (sealed.len <= NONCE_SIZE + TAG_SIZE ||
	    sealed.len > NONCE_SIZE + TAG_SIZE + PASSWORD_MAX)
		return -1;
	size = sealed.len - NONCE_SIZE - TAG_SIZE;
	text = (unsigned char *)arena_bytes(arena, size);
	ctx = EVP_CIPHER_CTX_new();
	if (ctx != NULL && EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, p) == 1 &&
	    EVP_DecryptUpdate(ctx, NULL, &len, (const unsigned char *)owner.p, (int)owner.len) ==
		    1 &&
	    EVP_DecryptUpdate(ctx, text, &len, p + NONCE_SIZE, (int)size) == 1 &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_SIZE,
				(void *)(p + NONCE_SIZE + size)) == 1 &&
	    EVP_DecryptFinal_ex(ctx, text + size, &len) == 1) {
		*password = str_of(text, size);
		rc = 0;
	} else {
		OPENSSL_cleanse(text, size);
	}
	EVP_CIPHER_CTX_free(ctx);
	return rc;
}
