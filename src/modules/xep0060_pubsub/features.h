/* SPDX-License-Identifier: MIT */
/* features.h - what both kinds of site can do, as registered (XEP-0060 §10, §16.2). */
#pragma once

#include "modules/xep0060_pubsub/pubsub.h"

#define PUBSUB_FEATURES                                                                            \
	NS_PUBSUB, NS_PUBSUB "#access-authorize", NS_PUBSUB "#access-open",                        \
		NS_PUBSUB "#access-whitelist", NS_PUBSUB "#auto-create", NS_PUBSUB "#config-node", \
		NS_PUBSUB "#config-node-max", NS_PUBSUB "#create-and-configure",                   \
		NS_PUBSUB "#create-nodes", NS_PUBSUB "#delete-items", NS_PUBSUB "#delete-nodes",   \
		NS_PUBSUB "#instant-nodes", NS_PUBSUB "#item-ids", NS_PUBSUB "#last-published",    \
		NS_PUBSUB "#manage-subscriptions", NS_PUBSUB "#member-affiliation",                \
		NS_PUBSUB "#meta-data", NS_PUBSUB "#modify-affiliations",                          \
		NS_PUBSUB "#multi-items", NS_PUBSUB "#outcast-affiliation",                        \
		NS_PUBSUB "#persistent-items", NS_PUBSUB "#publish",                               \
		NS_PUBSUB "#publish-node-full", NS_PUBSUB "#publish-only-affiliation",             \
		NS_PUBSUB "#publish-options", NS_PUBSUB "#publisher-affiliation",                  \
		NS_PUBSUB "#purge-nodes", NS_PUBSUB "#retract-items",                              \
		NS_PUBSUB "#retrieve-affiliations", NS_PUBSUB "#retrieve-default",                 \
		NS_PUBSUB "#retrieve-default-sub", NS_PUBSUB "#retrieve-items",                    \
		NS_PUBSUB "#retrieve-subscriptions", NS_PUBSUB "#rsm", NS_PUBSUB "#subscribe",     \
		NS_PUBSUB "#subscription-notifications", NS_PUBSUB "#subscription-options"

/* The quota of one site (SEC-23). */
#define PUBSUB_OPTIONS(nodes, bytes)                                                               \
	{"max_nodes", OPTION_INT, nodes, "nodes at one address"},                                  \
		{"max_items", OPTION_INT,                                                          \
		 "10000",     "items in one node, whatever is configured (\"max\" is that many)",  \
		 .min = 1,    .max = UINT32_MAX},                                                  \
		{"max_payload", OPTION_SIZE, "1MiB", "the largest payload"},                       \
		{"max_bytes", OPTION_SIZE, bytes, "all that is stored for one address"},           \
	{                                                                                          \
		"max_subscriptions", OPTION_INT, "10000",                                          \
			"subscribers and affiliated people of one node"                            \
	}
