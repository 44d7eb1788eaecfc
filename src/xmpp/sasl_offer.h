/* SPDX-License-Identifier: MIT */
/*
 * sasl_offer.h - what a server offered for login, in a form that SCRAM proves (XEP-0474): who takes
 * something out of the list on its way to the client, is found out.
 */
#pragma once

#include "xmpp/credentials.h"

/*
 * §5.1, steps 1 to 4. BINDINGS: the types announced by XEP-0440; NULL: that was not used, which is
 * something else than none. Both lists are put in order.
 */
struct str sasl_offer_text(struct arena *arena, struct str *mechanisms, size_t mechanism_count,
			   struct str *bindings, size_t binding_count);
/* Step 5: in base64. */
struct str sasl_offer_hash(struct arena *arena, enum scram_hash hash, struct str text);
