/* SPDX-License-Identifier: MIT */
/*
 * config_scan.h - a look at the file before the library's: what the library would take and must
 * not.
 *
 * @include could name any file of the machine. Numbers that do not fit would be cut without a word.
 * And a quote or a comment that never ends is reported where it begins.
 */
#pragma once

#include "server/config_fault.h"

/* False: the library must not see TEXT. Other faults leave it readable, for what else is wrong. */
MUST_CHECK bool config_scan(struct config_faults *faults, struct str text);
