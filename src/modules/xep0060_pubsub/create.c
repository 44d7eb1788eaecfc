/* SPDX-License-Identifier: MIT */
/* create.c - making nodes (XEP-0060 §8.1). */
#include "base/rand.h"
#include "modules/xep0060_pubsub/actions.h"
#include "modules/xep0060_pubsub/uses.h"

/* §8.1.3. NULL after a refusal. */
static struct node_config *
read_config(struct request *request)
{
	enum config_place place = site_place(request->site);
	struct node_config *standard = node_config_usual(request->site, request->node),
			   *config = NULL;
	const struct element *configure = element_child(request->payload, NS_PUBSUB, "configure");
	const struct element *x = configure ? element_child(configure, NS_FORMS, "x") : NULL;
	enum config_fault fault;
	struct form form;
	const char *why;

	if (x == NULL)
		return standard;
	if (element_attr(configure, "node").p != NULL ||
	    form_find(request->arena, configure, FORM_SUBMIT, FORM_NODE_CONFIG, &form, &why) < 0) {
		request_refuse(request, STANZA_BAD_REQUEST, NULL);
	} else {
		fault = node_config_apply(standard, &form, place, false, &config);
		if (fault != CONFIG_OK) {
			config = NULL;
			request_refuse_config(request, fault);
		}
	}
	node_config_unref(standard);
	return config;
}

static struct element *
created_answer(struct request *request)
{
	struct element *pubsub = element_new(request->arena, NS_PUBSUB, "pubsub");

	element_set(request->arena, element_add(request->arena, pubsub, NULL, "create"), "node",
		    request->node);
	return pubsub;
}

void
create_node(struct request *request)
{
	bool is_instant = request->node.len == 0;
	struct site *site = request->site;
	struct node_config *config;
	struct commit *commit;

	if (!site_may_create(site, request->iq)) {
		request_refuse(request, STANZA_FORBIDDEN, NULL);
		return;
	}
	if (is_instant)
		request->node = rand_token(request->arena, 128);
	if (site_node(site, request->node) != NULL) {
		request_refuse(request, STANZA_CONFLICT, NULL);
		return;
	}
	if (!site_has_room_for_node(site)) {
		request_refuse_text(request, STANZA_POLICY_VIOLATION, "too many nodes");
		return;
	}
	config = read_config(request);
	if (config == NULL)
		return;
	commit = commit_new(site, request);
	site_create(site, commit, request->node, request->who, config);
	commit_submit(commit, is_instant ? created_answer(request) : NULL);
}
