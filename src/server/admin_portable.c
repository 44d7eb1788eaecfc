/* SPDX-License-Identifier: MIT */
/*
 * admin_portable.c - taking accounts out, a page a call, and in, an item a call (portable.h).
 *
 * Who asks keeps the place: the cursor of an export is "portable:is_open:mark".
 */
#include "server/admin_portable.h"

#include "server/admin_private.h"
#include "server/portable.h"
#include "server/route.h"
#include "xmpp/xep/pie.h"
#include "xmpp/xml_reader.h"

static const struct xml_limits limits = {
	.bytes = PIE_ITEM_BYTES_MAX, .depth = 128, .attributes = 256, .nodes = 1u << 19};

struct visit { /* to the home worker and back; in the call's arena */
	struct task back;
	struct waiter waiter;
	struct control_call *call;
	struct loop *loop; /* the way back */
	struct jid jid;
	struct account *account;
	const char *condition, *why; /* of a failure */
	/* export */
	size_t index; /* of the portable */
	bool is_open; /* its start tag is written */
	struct str mark;
	struct buf out;
	/* import */
	struct import_item item;
	void (*loaded)(struct visit *visit);
};

static void
answer(struct task *task)
{
	struct visit *visit = CONTAINER(task, struct visit, back);
	struct control_call *call = visit->call;
	json_t *result = NULL;

	if (visit->condition != NULL) {
		buf_free(&visit->out);
		control_fail(call, visit->condition, "%.*s: %s", STR_ARG(visit->jid.text),
			     visit->why);
		return;
	}
	if (visit->item.el == NULL) {
		result = json_pack("{s:o}", "xml", control_json(buf_str(&visit->out)));
		if (portable_at(visit->index) != NULL)
			json_object_set_new(result, "cursor",
					    control_json(arena_printf(
						    call->arena, "%zu:%d:%.*s", visit->index,
						    (int)visit->is_open, STR_ARG(visit->mark))));
	}
	buf_free(&visit->out);
	control_reply(call, result);
}

static void
go_back(struct visit *visit)
{
	if (visit->account != NULL)
		account_unpin(visit->account);
	visit->back.run = answer;
	loop_post(visit->loop, &visit->back);
}

static void
fail(struct visit *visit, const char *condition, const char *why)
{
	visit->condition = condition;
	visit->why = why;
	go_back(visit);
}

/* Export */

static void
on_page(struct store_request *request)
{
	struct visit *visit = request->owner;
	const struct portable *p = portable_at(visit->index);
	struct buf items = {0};
	struct str mark = p->write(&items, request, visit->account);

	if (p->is_container && !visit->is_open && buf_len(&items) > 0) {
		buf_printf(&visit->out, "<%s xmlns='%s'>", p->name, p->ns);
		visit->is_open = true;
	}
	buf_add(&visit->out, buf_str(&items));
	buf_free(&items);
	visit->mark = mark.p != NULL ? arena_dup(visit->call->arena, mark) : STR("");
	if (mark.p == NULL) {
		if (visit->is_open)
			buf_printf(&visit->out, "</%s>", p->name);
		visit->is_open = false;
		visit->index++;
	}
	store_request_free(request);
	go_back(visit);
}

static void
export_page(struct visit *visit)
{
	const struct portable *p = portable_at(visit->index);
	struct worker *worker = visit->account->worker;
	struct store_request *request;

	while (p != NULL && p->load == NULL)
		p = portable_at(++visit->index);
	if (p == NULL) {
		go_back(visit);
		return;
	}
	request = store_request_new(worker->store, worker->loop, on_page, visit);
	p->load(request, visit->account, visit->mark);
	store_submit(request);
}

/* Import */

static void go_on(struct visit *visit, const char *why);

static void
on_stored(struct store_request *request)
{
	struct visit *visit = request->owner;
	struct import_item *item = &visit->item;
	const char *(*then)(struct import_item * item, const struct store_request *done) =
		item->then;
	const char *why = NULL;

	item->then = NULL;
	item->request = NULL;
	if (request->status == STORE_FULL) {
		why = "the disk, or the account's storage, is full";
	} else if (then != NULL) {
		item->request = store_request_new(visit->account->worker->store,
						  visit->account->worker->loop, on_stored, visit);
		why = then(item, request);
	}
	store_request_free(request);
	go_on(visit, why);
}

/* A request of an item was filled, or refused. */
static void
go_on(struct visit *visit, const char *why)
{
	struct store_request *request = visit->item.request;

	if (why == NULL && request != NULL && request->count > 0) {
		store_submit(request);
		return;
	}
	store_request_free(request);
	if (why != NULL)
		fail(visit, "not-acceptable", why);
	else
		go_back(visit);
}

static void
import_item(struct visit *visit)
{
	struct import_item *item = &visit->item;
	const struct portable *p = portable_for(item->el);

	item->account = visit->account;
	item->arena = visit->call->arena;
	if (p == NULL) {
		fail(visit, "feature-not-implemented", "what it is, is not known");
		return;
	}
	item->request = store_request_new(visit->account->worker->store,
					  visit->account->worker->loop, on_stored, visit);
	go_on(visit, p->take(item));
}

/* Both */

static void
on_loaded(struct waiter *waiter, struct account *account)
{
	struct visit *visit = CONTAINER(waiter, struct visit, waiter);

	if (account->state != ACCOUNT_READY || account->is_guest) {
		fail(visit, "item-not-found", "there is no such account");
		return;
	}
	visit->account = account;
	account_pin(account);
	visit->loaded(visit);
}

static void
load(struct worker *worker, void *arg)
{
	struct visit *visit = arg;

	visit->waiter.run = on_loaded;
	account_wait(account_get(worker, visit->jid.text), &visit->waiter);
}

static struct visit *
visit_new(struct control_call *call, void (*loaded)(struct visit *visit))
{
	struct admin *admin = call->owner;
	struct visit *visit = arena_new_of(call->arena, struct visit);

	if (admin_account_jid(call, &visit->jid) < 0)
		return NULL;
	visit->call = call;
	visit->loop = admin->loop;
	visit->loaded = loaded;
	visit->mark = STR("");
	return visit;
}

static void
set_off(struct visit *visit)
{
	struct admin *admin = visit->call->owner;

	worker_call(worker_home(admin->server->workers[0], visit->jid.text), load, visit);
}

void
admin_account_export(struct control_call *call)
{
	struct visit *visit = visit_new(call, export_page);
	struct str cursor = control_text(call, "cursor"), index, is_open;
	uint64_t number = 0;

	if (visit == NULL)
		return;
	if (cursor.len > 0) {
		if (!str_split(&cursor, ':', &index) || str_to_u64(index, 1000, &number) < 0 ||
		    !str_split(&cursor, ':', &is_open)) {
			control_fail(call, "bad-request", "that is no cursor");
			return;
		}
		visit->index = number;
		visit->is_open = str_is(is_open, "1");
		visit->mark = cursor.p != NULL ? cursor : STR("");
	}
	set_off(visit);
}

void
admin_account_import(struct control_call *call)
{
	struct visit *visit = visit_new(call, import_item);
	const char *why = NULL;

	if (visit == NULL)
		return;
	visit->item.el = xml_parse(call->arena, control_text(call, "xml"), &limits, &why);
	if (visit->item.el == NULL)
		control_fail(call, "bad-request", "not an element: %s", why);
	else
		set_off(visit);
}
