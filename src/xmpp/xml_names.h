/* SPDX-License-Identifier: MIT */
/*
 * xml_names.h - the characters beyond ASCII that names may have (XML 1.0 fourth edition, appendix
 * B).
 *
 * The fifth edition allows more, but parsers in use at the other end may not: what is forwarded
 * must be a name for all of them (SEC-03).
 */
#pragma once

#include "base/base.h"

/* C is at or above U+0080. */
bool xml_is_name_char(uint32_t c, bool is_start);
