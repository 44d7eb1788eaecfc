/* SPDX-License-Identifier: MIT */
/* config_setting.c - one setting of the file against its entry in the tables. */
#include "server/config_setting.h"

#include "base/utf8.h"
#include "xmpp/jid.h"

#include <arpa/inet.h>

static const char *
check_text(struct str text)
{
	if (!utf8_is_valid(text))
		return "it is not valid UTF-8";
	for (size_t i = 0; i < text.len; i++)
		if (((unsigned char)text.p[i] < ' ' && text.p[i] != '\n') || text.p[i] == 0x7f)
			return "it has a control character";
	return NULL;
}

static int
read_text(struct config_reader *r, const config_setting_t *setting, const struct option *option,
	  struct str *out)
{
	const char *text = config_setting_get_string(setting), *why;
	struct str expected = config_expected(r->faults.arena, option);

	if (text == NULL) {
		config_fault_value(&r->faults, setting, expected, NULL);
		return -1;
	}
	why = check_text(str(text));
	if (why == NULL && text[0] == '\0' && option->min > 0)
		why = "it is empty";
	if (why != NULL ||
	    (option->choices != NULL && config_choice(option->choices, str(text)) < 0)) {
		config_fault_value(&r->faults, setting, expected, why);
		return -1;
	}
	*out = arena_dup(r->arena, str(text));
	return 0;
}

static int
read_list(struct config_reader *r, const config_setting_t *setting, const struct option *option,
	  struct text_list *out)
{
	size_t n =
		config_setting_is_aggregate(setting) ? (size_t)config_setting_length(setting) : 1;
	int rc = 0;

	if (config_setting_is_group(setting)) {
		config_fault_value(&r->faults, setting, config_expected(r->faults.arena, option),
				   NULL);
		return -1;
	}
	*out = (struct text_list){.items = arena_array(r->arena, struct str, n + 1)};
	if (!config_setting_is_aggregate(setting)) {
		out->count = 1;
		return read_text(r, setting, option, &out->items[0]);
	}
	for (size_t i = 0; i < n; i++)
		if (read_text(r, config_setting_get_elem(setting, (unsigned)i), option,
			      &out->items[out->count++]) < 0)
			rc = -1;
	return rc;
}

static int
read_number(const config_setting_t *setting, enum option_type type, uint64_t *out)
{
	const char *text = config_setting_get_string(setting);
	long long number = config_setting_get_int64(setting);
	int kind = config_setting_type(setting);

	if (text != NULL && type == OPTION_DURATION)
		return config_parse_duration(str(text), out);
	if (text != NULL && type == OPTION_SIZE)
		return config_parse_size(str(text), out);
	/* A number alone says nothing of a duration's unit, unless it is 0. */
	if ((kind != CONFIG_TYPE_INT && kind != CONFIG_TYPE_INT64) || number < 0 ||
	    (type == OPTION_DURATION && number != 0))
		return -1;
	*out = (uint64_t)number;
	return 0;
}

int
config_read_value(struct config_reader *r, const config_setting_t *setting,
		  const struct option *option, struct option_value *out)
{
	bool is_good;

	switch (option->type) {
	case OPTION_TEXT:
		return read_text(r, setting, option, &out->text);
	case OPTION_LIST:
		return read_list(r, setting, option, &out->list);
	case OPTION_BOOL:
		is_good = config_setting_type(setting) == CONFIG_TYPE_BOOL;
		out->flag = is_good && config_setting_get_bool(setting);
		break;
	default:
		is_good = read_number(setting, option->type, &out->number) == 0 &&
			  out->number >= option->min &&
			  out->number <= (option->max > 0 ? option->max : INT64_MAX);
	}
	if (!is_good)
		config_fault_value(&r->faults, setting, config_expected(r->faults.arena, option),
				   NULL);
	return is_good ? 0 : -1;
}

static struct str
resolve_path(struct config_reader *r, struct str path)
{
	if (path.len == 0 || path.p[0] == '/')
		return path;
	return arena_join(r->arena, r->directory, path);
}

static int
check_jid(struct config_reader *r, struct str *text, const char **why)
{
	struct jid jid;

	if (jid_parse(r->arena, *text, &jid, why) < 0)
		return -1;
	*why = jid.local.len == 0 ? "there is no @" : "it has a resource";
	*text = arena_dup(r->arena, jid.text);
	return jid.local.len > 0 && jid_is_bare(jid) ? 0 : -1;
}

static int
check_address(struct str address)
{
	unsigned char bytes[sizeof(struct in6_addr)];

	return str_is(address, "*") || inet_pton(AF_INET, address.p, bytes) == 1 ||
			       inet_pton(AF_INET6, address.p, bytes) == 1
		       ? 0
		       : -1;
}

/* Checks ADDRESS or ADDRESS@PORT. */
static int
check_resolver(struct arena *arena, struct str text)
{
	ptrdiff_t at = str_find(text, '@');
	uint64_t port;

	if (at >= 0 && str_to_u64(str_from(text, (size_t)at + 1), 65535, &port) < 0)
		return -1;
	if (at >= 0)
		text = arena_dup(arena, str_first(text, (size_t)at));
	return str_is(text, "*") ? -1 : check_address(text);
}

static int
check_uri(struct str uri)
{
	ptrdiff_t colon = str_find(uri, ':');

	for (size_t i = 0; i < uri.len; i++)
		if ((unsigned char)uri.p[i] <= ' ')
			return -1;
	return colon > 0 && (size_t)colon + 1 < uri.len ? 0 : -1;
}

static int
check_mechanism(struct str name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!(name.p[i] >= 'A' && name.p[i] <= 'Z') &&
		    !(name.p[i] >= '0' && name.p[i] <= '9') && name.p[i] != '-' && name.p[i] != '_')
			return -1;
	return name.len > 0 && name.len <= 20 ? 0 : -1; /* RFC 4422 §3.1 */
}

/* One text by its key's check; it may be replaced by its prepared form. */
static void
check_one(struct config_reader *r, const config_setting_t *setting, enum config_check check,
	  struct str *text)
{
	const char *why = NULL;
	struct str expected = STR("");
	int rc = 0;

	if (str_find(*text, '\n') >= 0 && check != CHECK_LINES) {
		config_fault_value(&r->faults, setting, STR("a text of one line"), NULL);
		return;
	}
	switch (check) {
	case CHECK_NOTHING:
	case CHECK_ENUM:
	case CHECK_LINES:
		return;
	case CHECK_PATH:
		*text = resolve_path(r, *text);
		return;
	case CHECK_HOST:
	case CHECK_HOSTS:
		expected = STR("a host name such as \"example.com\"");
		rc = jid_prepare_domain(r->arena, *text, text, &why);
		if (rc == 0)
			*text = arena_dup(r->arena, *text);
		break;
	case CHECK_RESOLVER:
		expected = STR("an address such as \"192.0.2.1\", perhaps with a port: "
			       "\"192.0.2.1@5353\"");
		rc = text->len > 0 ? check_resolver(r->arena, *text) : 0;
		break;
	case CHECK_ADDRESS:
		expected = STR(
			"an address such as \"192.0.2.1\" or \"2001:db8::1\", or \"*\" for all");
		rc = check_address(*text);
		break;
	case CHECK_JIDS:
		expected = STR("an account's address such as \"admin@example.com\"");
		rc = check_jid(r, text, &why);
		break;
	case CHECK_URIS:
		expected = STR("a URI such as \"mailto:admin@example.com\"");
		rc = check_uri(*text);
		break;
	case CHECK_MECHANISM:
		expected = STR("a mechanism's name such as \"SCRAM-SHA-1\"");
		rc = check_mechanism(*text);
		break;
	}
	if (rc < 0)
		config_fault_value(&r->faults, setting, expected, why);
}

static void
store_value(const struct config_key *key, void *base, const struct option_value *value)
{
	void *at = (char *)base + key->offset;

	switch (key->option.type) {
	case OPTION_BOOL:
		*(bool *)at = value->flag;
		break;
	case OPTION_INT:
	case OPTION_DURATION:
	case OPTION_SIZE:
		*(uint64_t *)at = value->number;
		break;
	case OPTION_TEXT:
		if (key->check == CHECK_ENUM)
			*(unsigned *)at = (unsigned)config_choice(key->option.choices, value->text);
		else
			*(struct str *)at = value->text;
		break;
	case OPTION_LIST:
		*(struct text_list *)at = value->list;
		break;
	}
}

void
config_read_key(struct config_reader *r, const config_setting_t *setting,
		const struct config_key *key, void *base)
{
	bool is_many = config_setting_is_aggregate(setting);
	struct option_value value = {0};

	if (config_read_value(r, setting, &key->option, &value) < 0)
		return;
	if (key->option.type == OPTION_TEXT)
		check_one(r, setting, key->check, &value.text);
	for (size_t i = 0; i < value.list.count; i++)
		check_one(r, is_many ? config_setting_get_elem(setting, (unsigned)i) : setting,
			  key->check, &value.list.items[i]);
	store_value(key, base, &value);
}

void
config_set_defaults(struct config_reader *r, const struct config_section *section, void *base)
{
	for (size_t i = 0; i < section->count; i++) {
		struct option_value value = config_default(r->arena, &section->keys[i].option);

		store_value(&section->keys[i], base, &value);
	}
}
