/* SPDX-License-Identifier: MIT */
/* test_node_config.c - configurations of nodes, preconditions, and who may what (XEP-0060). */
#include "test.h"

#include "modules/xep0060_pubsub/pubsub.h"
#include "xmpp/xep/caps.h"
#include "xmpp/xml_reader.h"

static const struct xml_limits limits = {1 << 20, 64, 64, 100000};

/* A submitted form with one field. */
static struct form
form_of(struct test *t, const char *var, const char *value)
{
	struct element *x = form_new(t->arena, FORM_SUBMIT, FORM_NODE_CONFIG);
	struct form form;
	const char *why;

	form_add_text(t->arena, x, FIELD_TEXT, var, NULL, str(value));
	check_int(t, form_parse(t->arena, x, &form, &why), 0);
	return form;
}

static const struct {
	const char *var, *value;
	enum config_place place;
	enum config_fault fault;
} cases[] = {
	{"pubsub#access_model", "whitelist", PLACE_ACCOUNT, CONFIG_OK},
	{"pubsub#access_model", "presence", PLACE_ACCOUNT, CONFIG_OK},
	{"pubsub#access_model", "presence", PLACE_SERVICE, CONFIG_ACCESS_MODEL},
	{"pubsub#access_model", "roster", PLACE_SERVICE, CONFIG_ACCESS_MODEL},
	{"pubsub#access_model", "", PLACE_ACCOUNT, CONFIG_ACCESS_MODEL},
	{"pubsub#max_items", "max", PLACE_ACCOUNT, CONFIG_OK},
	{"pubsub#max_items", "1", PLACE_ACCOUNT, CONFIG_OK},
	{"pubsub#max_items", "99999999999999999999999", PLACE_ACCOUNT, CONFIG_BAD_VALUE},
	{"pubsub#max_items", "0", PLACE_ACCOUNT, CONFIG_BAD_VALUE},
	{"pubsub#max_items", "-1", PLACE_ACCOUNT, CONFIG_BAD_VALUE},
	{"pubsub#persist_items", "true", PLACE_ACCOUNT, CONFIG_OK},
	{"pubsub#persist_items", "maybe", PLACE_ACCOUNT, CONFIG_BAD_VALUE},
	{"pubsub#contact", "bard@shakespeare.lit", PLACE_ACCOUNT, CONFIG_OK},
	{"pubsub#contact", "@", PLACE_ACCOUNT, CONFIG_BAD_VALUE},
	{"pubsub#node_type", "collection", PLACE_ACCOUNT, CONFIG_BAD_VALUE},
	{"pubsub#fnord", "1", PLACE_ACCOUNT, CONFIG_UNKNOWN},
};

TEST(node_config_apply)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct node_config *standard = node_config_default(cases[i].place), *got = NULL;
		struct form form = form_of(t, cases[i].var, cases[i].value);

		test_row(t, arena_printf(t->arena, "%s %s", cases[i].var, cases[i].value).p);
		check_int(t, node_config_apply(standard, &form, cases[i].place, true, &got),
			  cases[i].fault);
		if (cases[i].fault == CONFIG_OK)
			check(t, node_config_meets(got, &form, cases[i].place));
		if (cases[i].fault == CONFIG_OK)
			node_config_unref(got);
		node_config_unref(standard);
	}
}

/* §7.1.5: what is, what is not, and what is not a field at all. */
TEST(node_config_meets)
{
	struct node_config *config = node_config_default(PLACE_ACCOUNT);
	struct form is = form_of(t, "pubsub#access_model", "presence");
	struct form is_not = form_of(t, "pubsub#access_model", "open");
	struct form max = form_of(t, "pubsub#max_items", "max");
	struct form unknown = form_of(t, "pubsub#fnord", "open");

	check(t, node_config_meets(config, &is, PLACE_ACCOUNT));
	check(t, !node_config_meets(config, &is_not, PLACE_ACCOUNT));
	check(t, !node_config_meets(config, &max, PLACE_ACCOUNT));
	check(t, !node_config_meets(config, &unknown, PLACE_ACCOUNT));
	node_config_unref(config);
}

/* Nobody without an affiliation or a granted subscription gets at what is closed (SEC-53). */
TEST(access_rule)
{
	for (unsigned relation = 0; relation < RELATION_COUNT; relation++) {
		check_int(t, access_rule(MODEL_WHITELIST, AFFILIATION_NONE, relation, false),
			  ACCESS_CLOSED);
		check_int(t, access_rule(MODEL_AUTHORIZE, AFFILIATION_NONE, relation, false),
			  ACCESS_NEEDS_APPROVAL);
		for (unsigned model = 0; model < MODEL_COUNT; model++) {
			check_int(t, access_rule(model, AFFILIATION_OUTCAST, relation, true),
				  ACCESS_BLOCKED);
			check_int(t, access_rule(model, AFFILIATION_PUBLISH_ONLY, relation, true),
				  ACCESS_BLOCKED);
			check_int(t, access_rule(model, AFFILIATION_OWNER, relation, false),
				  ACCESS_ALLOWED);
		}
	}
	/* An old subscription does not outlive the presence it came from. */
	check_int(t, access_rule(MODEL_PRESENCE, AFFILIATION_NONE, RELATION_STRANGER, true),
		  ACCESS_PRESENCE_REQUIRED);
	check_int(t, access_rule(MODEL_ROSTER, AFFILIATION_NONE, RELATION_CONTACT, true),
		  ACCESS_NOT_IN_GROUP);
}

TEST(caps_features)
{
	const char *why = NULL;
	struct element *query = xml_parse(
		t->arena,
		STR("<query xmlns='http://jabber.org/protocol/disco#info'>"
		    "<identity category='client' type='phone'/><feature var='b+notify'/>"
		    "<feature var='a'/><feature var='ab+notify'/><feature var='+notify'/></query>"),
		&limits, &why);
	struct caps_features *features = caps_features_new(query);
	struct str node, all = STR("");
	size_t at = 0;

	check(t, caps_features_has(features, STR("a")));
	check(t, !caps_features_has(features, STR("b")));
	check(t, caps_features_wants(features, STR("b")));
	check(t, caps_features_wants(features, STR("ab")));
	check(t, !caps_features_wants(features, STR("a")));
	check(t, !caps_features_wants(NULL, STR("b")));
	check_str(t, caps_features_type(features), "phone");
	while (caps_features_next_wanted(features, &at, &node))
		all = arena_join(t->arena, all, node);
	check_str(t, all, "abb");
	caps_features_unref(features);
}
