/* SPDX-License-Identifier: MIT */
/*
 * account_extra.h - what modules keep with each account in memory: loaded with it, freed with it.
 *
 * Most accounts have nothing of most modules, and then cost one pointer.
 */
#pragma once

#include "server/account.h"
#include "store/store.h"

struct module;

/* The state that MODULE keeps with ACCOUNT, or NULL. */
void *account_extra(const struct account *account, const struct module *module);
/* Takes STATE over (NULL: none), in the place of what was there, which the caller frees. */
void account_set_extra(struct account *account, const struct module *module, void *state);

/* account.c: the modules' part of loading an account. */
void account_extra_load(struct store_request *request, struct str owner);
/* From FIRST on are the results of what account_extra_load added. */
void account_extra_loaded(struct account *account, const struct store_request *request,
			  size_t first);
void account_extra_free(struct account *account);
