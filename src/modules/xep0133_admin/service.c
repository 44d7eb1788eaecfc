/* SPDX-License-Identifier: MIT */
/* service.c - the end of the server, and its new beginning (XEP-0133 §4.30, §4.31). */
#include "modules/xep0133_admin/service.h"

#include "base/log.h"
#include "modules/xep0133_admin/admin.h"
#include "server/notices.h"
#include "server/server.h"

void
admin_ask_delay(struct command_call *call)
{
	static const struct {
		const char *label, *seconds;
	} options[] = {
		{"at once", "0"},     {"30 seconds", "30"}, {"60 seconds", "60"},
		{"90 seconds", "90"}, {"2 minutes", "120"}, {"3 minutes", "180"},
		{"4 minutes", "240"}, {"5 minutes", "300"},
	};
	struct element *form = admin_form(call, FORM_ASK), *field;

	field = form_add_text(call->arena, form, FIELD_LIST, "delay", "When", STR("30"));
	for (size_t i = 0; i < COUNT(options); i++)
		field_add_option(call->arena, field, options[i].label, str(options[i].seconds));
	form_add_field(call->arena, form, FIELD_TEXT_MULTI, "announcement", "Announcement");
	command_ask(call, form);
}

static void
on_time(struct timer *timer)
{
	struct service *service = CONTAINER(timer, struct service, timer);

	log_event(LOG_INFO, "stopping", LOG_Z("by", service->is_restart ? "restart" : "shutdown"));
	service->worker->server->end(service->is_restart);
}

static void
announced(void *owner, size_t count UNUSED)
{
	command_done(owner, NULL);
}

/* Whoever ends the process, ends all its hosts. */
static bool
may_end(const struct command_call *call)
{
	const struct config *config = call->worker->config;

	for (size_t i = 0; i < config->host_count; i++)
		if (!config_is_admin(&config->hosts[i], jid_bare_text(call->from)))
			return false;
	return true;
}

/* The timer is this worker's: an order that comes later, from here, takes its place. */
static void
order(struct command_call *call, bool is_restart)
{
	struct worker *worker = call->worker;
	struct service *service = module_state(worker, &xep0133_admin);
	struct str text = form_text(call->arena, call->forms[0], "announcement");
	uint64_t seconds;

	if (worker->server->end == NULL) {
		command_refuse(call, STANZA_INTERNAL_SERVER_ERROR, "it cannot be ended");
		return;
	}
	if (!may_end(call)) {
		command_refuse(call, STANZA_FORBIDDEN, "the server has hosts of others, too");
		return;
	}
	if (text.len > NOTICE_BYTES_MAX) {
		command_bad_payload(call, "the announcement is too long");
		return;
	}
	if (str_to_u64(form_value(call->forms[0], "delay"), 86400, &seconds) < 0)
		seconds = 30;
	service->worker = worker;
	service->is_restart = is_restart;
	service->timer.run = on_time;
	timer_set(worker->loop, &service->timer, loop_now_ms(worker->loop) + seconds * 1000);
	log_event(LOG_WARNING, "end-ordered", LOG_STR("by", call->from.text),
		  LOG_INT("seconds", seconds));
	if (text.len > 0)
		notice_announce(worker->server, worker->loop, call->to.domain, STR(""), text,
				announced, call);
	else
		command_done(call, NULL);
}

void
admin_shut_down(struct command_call *call)
{
	order(call, false);
}

void
admin_restart(struct command_call *call)
{
	order(call, true);
}

void
admin_service_free(void *state)
{
	struct service *service = state;

	if (service->worker != NULL)
		timer_cancel(service->worker->loop, &service->timer);
}
