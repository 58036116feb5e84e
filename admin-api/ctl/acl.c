/* ACLs on the command line: bodies from options or a file, filters for the query. Kafka's words are taken in any case. */
#include "admin-api/ctl/ctl.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *field;
	size_t	    at;		/* in struct ctl_options */
	bool	    word;
} parts[] = {
	{ "resourceType", offsetof(struct ctl_options, resource_type), true },
	{ "resourceName", offsetof(struct ctl_options, resource_name), false },
	{ "patternType", offsetof(struct ctl_options, pattern_type), true },
	{ "principal", offsetof(struct ctl_options, principal), false },
	{ "host", offsetof(struct ctl_options, host), false },
	{ "operation", offsetof(struct ctl_options, operation), true },
	{ "permission", offsetof(struct ctl_options, permission), true },
	{ "groups", offsetof(struct ctl_options, groups), false },	/* of acl explain */
	/* What lists of users are filtered by: no command takes both kinds. */
	{ "prefix", offsetof(struct ctl_options, prefix), false },
	{ "mechanism", offsetof(struct ctl_options, mechanism), false },
	{ "enabled", offsetof(struct ctl_options, enabled), false },
	{ "group", offsetof(struct ctl_options, in_group), false },
};

/* Words in upper case, '-' as '_'; "DescribeConfigs", as Kafka's tools write it, has one where the second word begins. */
static char *
word_text(const char *given)
{
	char *text = malloc(2 * strlen(given) + 1), *to = text;

	for (const char *p = given; text != NULL && *p != '\0'; p++) {
		if (p > given && isupper((unsigned char)*p) && islower((unsigned char)p[-1]))
			*to++ = '_';
		*to++ = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
	}
	if (text != NULL)
		*to = '\0';
	return text;
}

/* The resource in one word: --topic orders. */
static const struct {
	const char *type;
	size_t	    at;
} shorts[] = {
	{ "topic", offsetof(struct ctl_options, topic) },
	{ "group", offsetof(struct ctl_options, group) },
	{ "transactional-id", offsetof(struct ctl_options, transactional_id) },
};

static struct ctl_options
spelt_out(const struct ctl_options *o)
{
	struct ctl_options out = *o;

	for (size_t i = 0; i < ALV_COUNT(shorts); i++) {
		const char *name = *(const char *const *)(const void *)((const char *)o + shorts[i].at);

		if (name == NULL)
			continue;
		out.resource_type = shorts[i].type;
		out.resource_name = name;
	}
	if (o->cluster) {
		out.resource_type = "cluster";
		out.resource_name = "kafka-cluster";
	}
	return out;
}

/* The option's text, or NULL. The caller frees. */
static char *
part_text(const struct ctl_options *o, size_t i)
{
	const char *given = *(const char *const *)(const void *)((const char *)o + parts[i].at);

	return given == NULL ? NULL : parts[i].word ? word_text(given) : strdup(given);
}

char *
ctl_acl_filter(const struct ctl_call *c, const char *path)
{
	struct ctl_options o = spelt_out(&c->opt);
	struct alv_buf	   b;
	char		   mark = strchr(path, '?') == NULL ? '?' : '&';

	if (o.all && o.prefix == NULL)
		o.prefix = "";	/* which fits all users */
	alv_buf_init(&b, 16000);
	alv_buf_z(&b, path);
	for (size_t i = 0; i < ALV_COUNT(parts); i++) {
		char	       *text = part_text(&o, i), *value;
		struct ctl_call arg = { .arg = { text } };

		if (text == NULL)
			continue;
		value = ctl_fill("%1", &arg, true);
		alv_buf_printf(&b, "%c%s=%s", mark, parts[i].field, value == NULL ? "" : value);
		mark = '&';
		free(value);
		free(text);
	}
	alv_buf_byte(&b, '\0');
	if (b.err == ALV_OK)
		return (char *)b.p;
	alv_buf_fini(&b);
	return NULL;
}

enum alv_err
ctl_list_from_file(const char *file, const char *name, json_t *o)
{
	json_error_t e;
	json_t	    *all = strcmp(file, "-") == 0 ? json_loadf(stdin, JSON_REJECT_DUPLICATES, &e) : json_load_file(file, JSON_REJECT_DUPLICATES, &e);
	json_t	    *list = json_is_array(all) ? all : json_object_get(all, json_object_get(all, name) != NULL ? name : "items");

	if (!json_is_array(list)) {
		if (all == NULL)
			fprintf(stderr, "alcovectl: %s: line %d, column %d: %s\n", file, e.line, e.column, e.text);
		else
			fprintf(stderr, "alcovectl: %s: found no list, expected an array, or an object with \"%s\"\n", file, name);
		json_decref(all);
		return ALV_E_SYNTAX;
	}
	json_object_set(o, name, list);
	json_decref(all);
	return ALV_OK;
}

enum alv_err
ctl_acl_body(const struct ctl_call *c, json_t **out)
{
	struct ctl_options o = spelt_out(&c->opt);
	json_t		  *one = json_object();
	bool		   any = false;

	*out = json_object();
	for (size_t i = 0; i < ALV_COUNT(parts); i++) {
		char *text = part_text(&o, i);

		if (text == NULL)
			continue;
		any = true;
		json_object_set_new(one, parts[i].field, json_string(text));
		free(text);
	}
	if (any == (c->opt.file != NULL)) {
		fprintf(stderr, "alcovectl: expected --file, or the parts of one ACL: --resource-type, --resource-name, --principal, --operation\n");
		json_decref(one);
		return ALV_E_MISSING;
	}
	if (c->opt.file == NULL) {
		json_object_set_new(*out, "acls", json_pack("[o]", one));
		return ALV_OK;
	}
	json_decref(one);
	return ctl_list_from_file(c->opt.file, "acls", *out);
}

enum alv_err
ctl_acl_replace_body(const struct ctl_call *c, json_t **out)
{
	*out = json_object();
	if (c->opt.file != NULL)
		return ctl_list_from_file(c->opt.file, "acls", *out);
	fprintf(stderr, "alcovectl: expected --file: all ACLs that the tenant has then\n");
	return ALV_E_MISSING;
}
