/* SPDX-License-Identifier: MIT */
/* lists.c - how many there are, and who: registered, disabled, online, active, idle. */
#include "modules/xep0133_admin/admin.h"
#include "server/account_disable.h"
#include "server/census.h"

#define LIST_MAX 1000u /* an answer is one stanza */
#define PAGE_MAX 1000u

void
admin_ask_max_items(struct command_call *call)
{
	static const char *const numbers[] = {"25", "50", "75", "100", "150", "200", "none"};
	struct element *form = admin_form(call, FORM_ASK), *field;

	field = form_add_text(call->arena, form, FIELD_LIST, "max_items",
			      "How many to show at most", STR("100"));
	for (size_t i = 0; i < COUNT(numbers); i++)
		field_add_option(call->arena, field, numbers[i], str(numbers[i]));
	command_ask(call, form);
}

static size_t
max_items(const struct command_call *call)
{
	uint64_t max;

	if (str_to_u64(form_value(call->forms[0], "max_items"), LIST_MAX, &max) < 0)
		return LIST_MAX;
	return (size_t)max;
}

struct listing { /* in the call's arena */
	struct command_call *call;
	struct element *form, *field;
	enum census_kind kind;
	const char *var, *label;
	bool is_number;
	struct str after; /* the last that was seen */
	uint64_t count;
};

static struct listing *
listing_new(struct command_call *call, const char *var, const char *label, bool is_number)
{
	struct listing *listing = arena_new_of(call->arena, struct listing);

	listing->call = call;
	listing->var = var;
	listing->label = label;
	listing->is_number = is_number;
	listing->after = STR("");
	if (!is_number) {
		listing->form = admin_form(call, FORM_RESULT);
		listing->field =
			form_add_field(call->arena, listing->form, FIELD_JID_MULTI, var, label);
	}
	return listing;
}

/* More than may be shown are said to be more. */
static void
done(struct listing *listing, bool has_more)
{
	struct command_call *call = listing->call;

	if (listing->is_number) {
		admin_done_number(call, listing->var, listing->label, listing->count);
		return;
	}
	if (has_more)
		command_note(call, "info", STR("There are more than these."));
	command_done(call, listing->form);
}

/* Of accounts, page by page */

static void next_page(struct listing *listing);

static void
on_page(struct store_request *request)
{
	struct listing *listing = request->owner;
	struct arena *arena = listing->call->arena;
	const struct store_result *result = &request->results[0];
	size_t max = listing->is_number ? PAGE_MAX : max_items(listing->call);
	bool is_full = result->count > max;
	size_t n = 0;

	for (const struct store_item *item = result->items; item != NULL && n < max;
	     item = item->next, n++) {
		if (!listing->is_number)
			field_add_value(arena, listing->field, item->key);
		else if (n + 1 == max)
			listing->after = arena_dup(arena, item->key);
	}
	listing->count += n;
	store_request_free(request);
	if (listing->is_number && is_full)
		next_page(listing);
	else
		done(listing, is_full);
}

static void
next_page(struct listing *listing)
{
	struct command_call *call = listing->call;
	size_t max = listing->is_number ? PAGE_MAX : max_items(call);
	struct store_request *request =
		store_request_new(call->worker->store, call->worker->loop, on_page, listing);

	store_auth_list(request, call->to.domain, listing->after, max + 1);
	store_submit(request);
}

void
admin_count_registered(struct command_call *call)
{
	next_page(listing_new(call, "registeredusersnum", "Accounts", true));
}

void
admin_list_registered(struct command_call *call)
{
	next_page(listing_new(call, "registereduserjids", "Accounts", false));
}

static void
on_disabled(struct store_request *request)
{
	struct listing *listing = request->owner;
	const struct store_result *result = &request->results[0];
	size_t n = 0, max = listing->is_number ? 0 : max_items(listing->call);

	for (const struct store_item *item = result->items; item != NULL && n < max;
	     item = item->next, n++)
		field_add_value(listing->call->arena, listing->field, item->key);
	listing->count = result->count;
	store_request_free(request);
	done(listing, listing->count > n);
}

static void
look_for_disabled(struct listing *listing)
{
	struct command_call *call = listing->call;
	struct store_request *request =
		store_request_new(call->worker->store, call->worker->loop, on_disabled, listing);

	store_set_list(request, call->to.domain, DISABLED_SET);
	store_submit(request);
}

void
admin_count_disabled(struct command_call *call)
{
	look_for_disabled(listing_new(call, "disabledusersnum", "Disabled accounts", true));
}

void
admin_list_disabled(struct command_call *call)
{
	look_for_disabled(listing_new(call, "disableduserjids", "Disabled accounts", false));
}

/* Of people who are there */

static void
on_census(void *owner, const struct census *census)
{
	struct listing *listing = owner;

	listing->count = census->counts[listing->kind];
	for (size_t i = 0; !listing->is_number && i < census->jid_count; i++)
		field_add_value(listing->call->arena, listing->field, census->jids[i]);
	done(listing, listing->count > census->jid_count);
}

static void
take_census(struct command_call *call, enum census_kind kind, const char *var, const char *label,
	    bool is_number)
{
	struct listing *listing = listing_new(call, var, label, is_number);
	const struct option_values *options = config_options(
		call->worker->config, command_host(call), module_index(&xep0133_admin));

	listing->kind = kind;
	census_take(call->worker->server, call->worker->loop, call->to.domain, kind,
		    is_number ? 0 : max_items(call), option_ms(options, "active_within"), on_census,
		    listing);
}

void
admin_count_online(struct command_call *call)
{
	take_census(call, CENSUS_ONLINE, "onlineusersnum", "People online", true);
}

void
admin_count_active(struct command_call *call)
{
	take_census(call, CENSUS_ACTIVE, "activeusersnum", "Active people", true);
}

void
admin_count_idle(struct command_call *call)
{
	take_census(call, CENSUS_IDLE, "idleusersnum", "Idle people", true);
}

void
admin_list_online(struct command_call *call)
{
	take_census(call, CENSUS_ONLINE, "onlineuserjids", "People online", false);
}

void
admin_list_active(struct command_call *call)
{
	take_census(call, CENSUS_ACTIVE, "activeuserjids", "Active people", false);
}

/* §4.22 has no name of its own for these: its example says `activeuserjids`. */
void
admin_list_idle(struct command_call *call)
{
	take_census(call, CENSUS_IDLE, "activeuserjids", "Idle people", false);
}
