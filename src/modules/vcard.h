/* SPDX-License-Identifier: MIT */
/* vcard.h - an account's vcard-temp, for what is kept in agreement with it (XEP-0398). */
#pragma once

#include "server/module.h"

/* Puts the image (base64, in one piece) in the place of the photo, or (empty) takes it out. */
void vcard_put_photo(struct account *account, struct str type, struct str base64);
