/* SPDX-License-Identifier: MIT */
/* service.h - what is sent to the service itself (XEP-0045 §6.2, §6.3; XEP-0307, XEP-0433). */
#pragma once

#include "modules/xep0045_muc/muc.h"

/* A stanza to the domain. */
enum verdict service_take(struct event *ev);
