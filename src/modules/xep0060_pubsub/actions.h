/* SPDX-License-Identifier: MIT */
/* actions.h - what may be asked of a site, each answered by its function (XEP-0060 §6 to §8). */
#pragma once

#include "modules/xep0060_pubsub/pubsub.h"

void publish_items(struct request *request); /* publish.c: §7.1 */
void retract_items(struct request *request); /* retract.c: §7.2 */
void get_items(struct request *request);     /* items.c: §6.5 */

void subscribe(struct request *request); /* subscribe.c: §6.1 to §6.4 */
void unsubscribe(struct request *request);
void get_options(struct request *request); /* options.c */
void set_options(struct request *request);
void get_default_options(struct request *request);
void get_subscriptions(struct request *request); /* own.c: §5.6, §5.7 */
void get_affiliations(struct request *request);

void create_node(struct request *request); /* create.c: §8.1 */
void get_config(struct request *request);  /* owner.c: §8.2 to §8.5 */
void set_config(struct request *request);
void get_default_config(struct request *request);
void delete_node(struct request *request);
void purge_node(struct request *request);
void get_node_subscriptions(struct request *request); /* people.c: §8.8 */
void set_node_subscriptions(struct request *request);
void get_node_affiliations(struct request *request); /* §8.9 */
void set_node_affiliations(struct request *request);

/* disco.c: disco#info and disco#items of a site, or of a node of it. */
void disco_answer(struct request *request);
/* authorize.c: §8.6. Tells the owners that PERSON asks. */
void ask_owners(const struct node *node, const struct person *person);
/* The same, to one address of an owner. */
void ask_owner(const struct node *node, const struct person *person, struct jid owner);
/* pending.c: §8.7, a <command/> (XEP-0050); and the answer to who asks which there are. */
enum verdict take_command(struct event *ev, struct site *site);
enum verdict list_commands(struct event *ev);
/* leave.c: ACCOUNT_REMOVED. */
enum verdict leave_services(struct event *ev);
/* leave.c: an error that came back to a notification (§12.3). */
enum verdict take_bounce(struct event *ev, struct site *site);
/* The answer of an owner; DONE if MESSAGE is one. */
enum verdict take_authorization(struct event *ev, struct site *site);
