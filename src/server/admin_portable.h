/* SPDX-License-Identifier: MIT */
/* admin_portable.h - commands that take accounts out and in, in the format of XEP-0227. */
#pragma once

struct control_call;

void admin_account_export(struct control_call *call);
void admin_account_import(struct control_call *call);
