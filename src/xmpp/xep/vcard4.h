/* SPDX-License-Identifier: MIT */
/*
 * vcard4.h - what vCard4 (XEP-0292, RFC 6351) and vcard-temp (XEP-0054) both can say of somebody,
 * from one to the other: names, addresses, numbers, organisation, birthday, notes. Images are
 * XEP-0398's.
 */
#pragma once

#include "xmpp/element.h"

#define NS_VCARD4 "urn:ietf:params:xml:ns:vcard-4.0"
#define NS_VCARD_TEMP "vcard-temp"

/* Puts what TEMP, a <vCard/>, says in the place of what CARD, a <vcard/>, has of that kind. */
void vcard4_from_temp(struct arena *arena, const struct element *temp, struct element *card);
/* The other way round. */
void vcard4_to_temp(struct arena *arena, const struct element *card, struct element *temp);
