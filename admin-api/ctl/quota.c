/* Quotas on the command line: as kafka-configs.sh says them (--add-config, --delete-config), on an entity that options name. */
#include "admin-api/ctl/ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_WORD "<default>"

static const struct {
	const char *field, *type;
	size_t	    at;	/* in struct ctl_options */
} parts[] = {
	{ "user", "client", offsetof(struct ctl_options, user) },
	{ "clientId", "client", offsetof(struct ctl_options, client_id) },
	{ "group", "group", offsetof(struct ctl_options, group) },
	{ "address", "address", offsetof(struct ctl_options, address) },
};

static const char *
given(const struct ctl_options *o, size_t i)
{
	return *(const char *const *)(const void *)((const char *)o + parts[i].at);
}

/* ---- filters ------------------------------------------------------------------------------------------------- */

static void
add_query(struct alv_buf *b, char *mark, const char *field, const char *value)
{
	struct ctl_call arg = { .arg = { value } };
	char	       *text = value == NULL ? NULL : ctl_fill("%1", &arg, true);

	if (value == NULL)
		return;
	alv_buf_printf(b, "%c%s=%s", *mark, field, text == NULL ? "" : text);
	*mark = '&';
	free(text);
}

char *
ctl_quota_filter(const struct ctl_call *c, const char *path)
{
	struct alv_buf b;
	char	       mark = strchr(path, '?') == NULL ? '?' : '&';

	alv_buf_init(&b, 16000);
	alv_buf_z(&b, path);
	for (size_t i = 0; i < ALV_COUNT(parts); i++)
		add_query(&b, &mark, parts[i].field, given(&c->opt, i));
	add_query(&b, &mark, "principal", c->opt.principal);
	add_query(&b, &mark, "key", c->opt.key);
	add_query(&b, &mark, "type", c->opt.unattributed ? "unattributed" : c->opt.whole_tenant ? "tenant" : c->opt.all ? "any" : NULL);
	alv_buf_byte(&b, '\0');
	if (b.err == ALV_OK)
		return (char *)b.p;
	alv_buf_fini(&b);
	return NULL;
}

/* ---- bodies ---------------------------------------------------------------------------------------------------- */

static json_t *
number(const char *text, size_t n)
{
	char   copy[64];
	char  *end;
	double value;

	if (n == 0 || n >= sizeof(copy))
		return NULL;
	memcpy(copy, text, n);
	copy[n] = '\0';
	value = strtod(copy, &end);
	if (*end != '\0' || !(value >= -1e300 && value <= 1e300))
		return NULL;
	return value < 9e15 && value > -9e15 && value == (double)(long long)value ? json_integer((json_int_t)value) : json_real(value);
}

/* "producer_byte_rate=1048576,request_rate=10"; of --delete-config names alone. */
static enum alv_err
add_limits(json_t *limits, const char *list, bool values)
{
	while (list != NULL && *list != '\0') {
		size_t	    n = strcspn(list, ",");
		const char *eq = memchr(list, '=', n);
		json_t	   *v = !values ? json_null() : eq == NULL ? NULL : number(eq + 1, n - (size_t)(eq + 1 - list));
		size_t	    name = eq != NULL && values ? (size_t)(eq - list) : n;
		char	    key[128];

		if (v == NULL || name == 0 || name >= sizeof(key)) {
			fprintf(stderr, "alcovectl: --%s: found \"%.*s\", expected %s\n", values ? "add-config" : "delete-config", (int)n, list,
			    values ? "name=number" : "a name");
			json_decref(v);
			return ALV_E_VALUE;
		}
		memcpy(key, list, name);
		key[name] = '\0';
		json_object_set_new(limits, key, v);
		list += n;
		list += *list == ',';
	}
	return ALV_OK;
}

/* The entity that the options name. */
static enum alv_err
add_entity(const struct ctl_options *o, json_t *one)
{
	const char *type = o->whole_tenant ? "tenant" : o->unattributed ? "unattributed" : NULL;
	bool	    mixed = o->whole_tenant && o->unattributed;

	for (size_t i = 0; i < ALV_COUNT(parts); i++) {
		const char *text = given(o, i);

		if (text == NULL)
			continue;
		mixed |= type != NULL && strcmp(type, parts[i].type) != 0;
		type = parts[i].type;
		json_object_set_new(one, parts[i].field, strcmp(text, DEFAULT_WORD) == 0 ? json_null() : json_string(text));
	}
	if (type == NULL || mixed) {
		fprintf(stderr, "alcovectl: expected one entity: --user and --client-id, --group, --unattributed, --address or --whole-tenant\n");
		return ALV_E_MISSING;
	}
	json_object_set_new(one, "type", json_string(type));
	return ALV_OK;
}

enum alv_err
ctl_quota_body(const struct ctl_call *c, json_t **out)
{
	json_t	    *one = json_object(), *limits = json_object();
	bool	     any = c->opt.add_config != NULL || c->opt.delete_config != NULL;
	enum alv_err e = ALV_OK;

	*out = json_object();
	if (any == (c->opt.file != NULL)) {
		fprintf(stderr, "alcovectl: expected --file, or --add-config or --delete-config and an entity\n");
		e = ALV_E_MISSING;
	}
	if (e == ALV_OK && any)
		e = add_entity(&c->opt, one);
	if (e == ALV_OK && any)
		e = add_limits(limits, c->opt.add_config, true);
	if (e == ALV_OK && any)
		e = add_limits(limits, c->opt.delete_config, false);
	json_object_set(one, "limits", limits);
	if (e == ALV_OK && any)
		json_object_set_new(*out, "quotas", json_pack("[O]", one));
	json_decref(one);
	json_decref(limits);
	return e != ALV_OK || any ? e : ctl_list_from_file(c->opt.file, "quotas", *out);
}

enum alv_err
ctl_quota_replace_body(const struct ctl_call *c, json_t **out)
{
	*out = json_object();
	if (c->opt.file != NULL)
		return ctl_list_from_file(c->opt.file, "quotas", *out);
	fprintf(stderr, "alcovectl: expected --file with all quotas that the tenant is to have\n");
	return ALV_E_MISSING;
}

/* ---- answers as text ---------------------------------------------------------------------------------------------- */

static json_t *
entity_text(const json_t *item)
{
	const char    *type = json_string_value(json_object_get(item, "type")), *between = "";
	struct alv_buf b;
	json_t	      *text;

	alv_buf_init(&b, 4000);
	for (size_t i = 0; i < ALV_COUNT(parts); i++) {
		const json_t *v = json_object_get(item, parts[i].field);

		if (v == NULL)
			continue;
		alv_buf_printf(&b, "%s%s %s", between, strcmp(parts[i].field, "clientId") == 0 ? "client-id" : parts[i].field,
		    json_is_string(v) ? json_string_value(v) : DEFAULT_WORD);
		between = ", ";
	}
	if (b.n == 0)
		alv_buf_z(&b, type == NULL ? "-" : strcmp(type, "tenant") == 0 ? "whole tenant" : type);
	text = json_stringn((const char *)b.p, b.n);
	alv_buf_fini(&b);
	return text;
}

static json_t *
limits_text(json_t *limits)
{
	const char    *name, *between = "";
	json_t	      *v, *text;
	struct alv_buf b;

	alv_buf_init(&b, 4000);
	json_object_foreach(limits, name, v) {
		alv_buf_printf(&b, json_is_integer(v) ? "%s%s=%.0f" : "%s%s=%.10g", between, name, json_number_value(v));
		between = ",";
	}
	text = json_stringn(b.p == NULL ? "" : (const char *)b.p, b.n);
	alv_buf_fini(&b);
	return text;
}

json_t *
ctl_quota_rows(const json_t *items)
{
	json_t *rows = json_array(), *item;
	size_t	i;

	json_array_foreach(items, i, item)
		json_array_append_new(rows, json_pack("{s:o, s:o}", "entity", entity_text(item), "limits", limits_text(json_object_get(item, "limits"))));
	return rows;
}
