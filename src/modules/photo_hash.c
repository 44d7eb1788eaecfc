/* SPDX-License-Identifier: MIT */
/* photo_hash.c - hashes the image in a vCard. */
#include "modules/photo_hash.h"

#include "base/base64.h"

#include <openssl/evp.h>

#define NS_VCARD "vcard-temp"

struct str
photo_hash(struct arena *arena, const struct element *card)
{
	const struct element *photo = element_child(card, NS_VCARD, "PHOTO");
	struct str text, packed, image;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	char *out;

	text = photo ? element_child_text(arena, photo, NS_VCARD, "BINVAL") : STR_NONE;
	packed.p = out = arena_bytes(arena, text.len + 1);
	packed.len = 0;
	for (size_t i = 0; i < text.len; i++) /* it is usually broken into lines */
		if ((unsigned char)text.p[i] > ' ')
			out[packed.len++] = text.p[i];
	if (packed.len == 0 || base64_decode(arena, packed, &image) < 0 ||
	    !EVP_Digest(image.p, image.len, digest, &size, EVP_sha1(), NULL))
		return STR("");
	return hex_encode(arena, str_of(digest, size));
}
