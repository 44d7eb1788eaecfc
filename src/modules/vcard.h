/* SPDX-License-Identifier: MIT */
/* vcard.h - an account's vcard-temp, for what is kept in agreement with it (XEP-0398, XEP-0292). */
#pragma once

#include "server/module.h"

/* Puts the image (base64, in one piece) in the place of the photo, or (empty) takes it out. */
void vcard_put_photo(struct account *account, struct str type, struct str base64);
/* Puts what CARD, a <vcard/> of vCard4, says in the place of the like (XEP-0292). */
void vcard_put_card4(struct account *account, const struct element *card);
