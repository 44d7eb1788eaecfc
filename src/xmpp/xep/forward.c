/* SPDX-License-Identifier: MIT */
/* forward.c - the wrapping of carbons (XEP-0280, XEP-0297). */
#include "xmpp/xep/forward.h"

#include "xmpp/xep/delay.h"
#include "xmpp/xml_writer.h"

void
forward_open_carbon(struct buf *out, struct str bare, struct str full, const struct stanza *message,
		    bool is_sent, uint64_t delayed_us)
{
	buf_addz(out, "<message from='");
	xml_escape(out, bare);
	buf_addz(out, "' to='");
	xml_escape(out, full);
	buf_addz(out, message->type == MESSAGE_CHAT ? "' type='chat'>" : "'>");
	buf_printf(out, "<%s xmlns='" NS_CARBONS "'><forwarded xmlns='" NS_FORWARD "'>",
		   is_sent ? "sent" : "received");
	if (delayed_us > 0)
		delay_write(out, STR_NONE, delayed_us);
}

void
forward_close_carbon(struct buf *out, bool is_sent)
{
	buf_printf(out, "</forwarded></%s></message>", is_sent ? "sent" : "received");
}
