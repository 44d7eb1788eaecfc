/* SPDX-License-Identifier: MIT */
/* operator.c - accounts that are removed, made anew and given new passwords while they are in use.
 */
#include "sim.h"

#include "server/account_change.h"

#include <stdio.h>

static const char *
status_name(enum store_status status)
{
	static const char *const names[] = {"done", "missing", "there already", "no room"};

	return names[status];
}

static unsigned
account_of(const struct person *person)
{
	return (unsigned)(person - person->sim->people);
}

static void
on_removed(void *owner, enum store_status status)
{
	struct person *person = owner;

	sim_note(person->sim, "removal of a%u: %s", account_of(person), status_name(status));
	person->is_changing = false;
	person->is_absent = status != STORE_FULL;
}

static void
on_made(void *owner, enum store_status status)
{
	struct person *person = owner;

	sim_note(person->sim, "a%u made: %s", account_of(person), status_name(status));
	person->is_changing = false;
	person->is_absent = status == STORE_FULL;
}

static void
on_set(void *owner, enum store_status status)
{
	struct person *person = owner;

	sim_note(person->sim, "new password of a%u: %s", account_of(person), status_name(status));
	person->is_changing = false;
}

/* Whatever was for it need not arrive any more. */
static void
give_up(struct sim *sim, unsigned account)
{
	sim->people[account].is_absent = true;
	for (unsigned i = 0; i < sim->message_count; i++)
		if (sim->messages[i].to == account)
			sim->messages[i].is_excused = sim->messages[i].is_disturbed = true;
}

static void
set_keys(struct sim *sim, struct person *person, enum account_change change, struct jid jid,
	 account_changed *done)
{
	struct arena *arena = arena_new();
	struct credentials keys = {0};

	if (credentials_parse(arena, site_credentials(), &keys) < 0)
		sim_fail(sim, "the credentials cannot be read");
	account_set_keys(&sim->site->server, sim->loop, change, jid, &keys, done, person);
	arena_free(arena);
}

void
operator_act(struct sim *sim)
{
	unsigned account = (unsigned)sim_below(sim, sim->plan.accounts);
	struct person *person = &sim->people[account];
	char text[32];
	struct jid jid = {.local = {text, 2}, .domain = {text + 3, strlen(HOST)}};

	if (person->is_changing || sim->site->is_stopping)
		return;
	snprintf(text, sizeof(text), "a%u@" HOST, account);
	jid.text = str(text);
	person->sim = sim;
	person->is_changing = true;
	if (person->is_absent) {
		sim_note(sim, "THE OPERATOR makes a%u", account);
		set_keys(sim, person, ACCOUNT_MAKE, jid, on_made);
	} else if (sim_chance(sim, 50)) {
		sim_note(sim, "THE OPERATOR removes a%u", account);
		give_up(sim, account);
		account_remove(&sim->site->server, sim->loop, jid, STR(""), on_removed, person);
	} else {
		sim_note(sim, "THE OPERATOR sets the password of a%u", account);
		set_keys(sim, person, ACCOUNT_MAKE_OR_SET, jid, on_set);
	}
}
