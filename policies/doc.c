/* libyaml's events into a tree. Recursion is bounded by POL_DOC_DEPTH_MAX, the number of nodes by POL_DOC_NODES_MAX;
 * the first error of structure ends it (what follows would be nonsense), a repeated key does not. */
#include "policies/doc.h"

#include <alcove/str.h>

#include <yaml.h>

struct builder {
	yaml_parser_t	  parser;
	struct alv_arena *a;
	struct pol_diag	 *d;
	unsigned	  nodes;	/* so far */
};

static bool build(struct builder *b, const yaml_event_t *e, struct pol_node *n, int depth);

static unsigned
line_of(const yaml_event_t *e)
{
	return (unsigned)e->start_mark.line + 1;
}

static bool
next_event(struct builder *b, yaml_event_t *e)
{
	const yaml_parser_t *p = &b->parser;

	if (yaml_parser_parse(&b->parser, e))
		return true;
	memset(e, 0, sizeof(*e));
	pol_diag_at(b->d, (unsigned)p->problem_mark.line + 1, "", "not valid YAML: %s%s%s",
	    p->context == NULL ? "" : p->context, p->context == NULL ? "" : ": ",
	    p->problem == NULL ? "malformed" : p->problem);
	return false;
}

static struct pol_node *
new_node(struct builder *b, const yaml_event_t *e)
{
	struct pol_node *n = NULL;

	if (++b->nodes <= POL_DOC_NODES_MAX)
		n = alv_arena_alloc(b->a, sizeof(*n));
	if (n == NULL) {
		pol_diag_at(b->d, line_of(e), "", "found too many values, expected at most %d", POL_DOC_NODES_MAX);
		return NULL;
	}
	n->line = line_of(e);
	return n;
}

/* The decorations of YAML that a configuration has no use for: they hide what is said. */
static bool
plain(struct builder *b, const yaml_event_t *e, const yaml_char_t *anchor, const yaml_char_t *tag)
{
	const char *what = anchor != NULL ? "an anchor (&)" : tag != NULL ? "a tag (!)" : NULL;

	if (what == NULL)
		return true;
	pol_diag_at(b->d, line_of(e), "", "found %s, expected plain YAML", what);
	return false;
}

static bool
build_scalar(struct builder *b, const yaml_event_t *e, struct pol_node *n)
{
	struct alv_str s = alv_str_make(e->data.scalar.value, e->data.scalar.length);

	if (!plain(b, e, e->data.scalar.anchor, e->data.scalar.tag))
		return false;
	n->type = POL_SCALAR;
	n->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	if (!n->quoted && (s.n == 0 || alv_str_eqz(s, "null") || alv_str_eqz(s, "~")))
		return true;
	if (memchr(s.p, '\0', s.n) != NULL) {
		pol_diag_at(b->d, n->line, "", "found a NUL character, expected text");
		return false;
	}
	n->value = alv_arena_str(b->a, s);
	return n->value.p != NULL;
}

static bool
build_list(struct builder *b, struct pol_node *n, int depth)
{
	struct pol_node **at = &n->first;

	n->type = POL_LIST;
	for (;;) {
		yaml_event_t e;
		bool	     ok = next_event(b, &e);

		if (!ok || e.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&e);
			return ok;
		}
		*at = new_node(b, &e);
		ok = *at != NULL && build(b, &e, *at, depth + 1);
		yaml_event_delete(&e);
		if (!ok)
			return false;
		at = &(*at)->next;
	}
}

/* The key of the event, checked; null: refused. */
static struct alv_str
take_key(struct builder *b, const yaml_event_t *e, const struct pol_node *map, unsigned nkeys)
{
	struct alv_str key;

	if (e->type != YAML_SCALAR_EVENT || nkeys >= POL_DOC_KEYS_MAX) {
		pol_diag_at(b->d, line_of(e), "", nkeys < POL_DOC_KEYS_MAX ? "found a key that is no text, expected a name" :
		    "found too many keys in one section");
		return ALV_STR_NULL;
	}
	if (!plain(b, e, e->data.scalar.anchor, e->data.scalar.tag))
		return ALV_STR_NULL;
	key = alv_arena_str(b->a, alv_str_make(e->data.scalar.value, e->data.scalar.length));
	if (key.p != NULL && pol_doc_get(map, key) != NULL)
		pol_diag_at(b->d, line_of(e), "", "found the key %.*s twice, expected it once (first on line %u)",
		    ALV_STR_ARG(pol_diag_quote(b->a, key)), pol_doc_get(map, key)->line);
	return key;
}

static bool
build_map(struct builder *b, struct pol_node *n, int depth)
{
	struct pol_node **at = &n->first;
	unsigned	  nkeys = 0;

	n->type = POL_MAP;
	for (;;) {
		yaml_event_t	 e;
		struct pol_node *child = NULL;
		bool		 ok = next_event(b, &e);

		if (!ok || e.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&e);
			return ok;
		}
		if ((child = new_node(b, &e)) != NULL)
			child->key = take_key(b, &e, n, nkeys++);
		ok = child != NULL && child->key.p != NULL;
		yaml_event_delete(&e);
		if (!ok || !next_event(b, &e))
			return false;
		ok = build(b, &e, child, depth + 1);
		yaml_event_delete(&e);
		if (!ok)
			return false;
		*at = child;
		at = &child->next;
	}
}

static bool
build(struct builder *b, const yaml_event_t *e, struct pol_node *n, int depth)
{
	if (depth > POL_DOC_DEPTH_MAX) {
		pol_diag_at(b->d, line_of(e), "", "found more than %d levels, expected fewer", POL_DOC_DEPTH_MAX);
		return false;
	}
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		return build_scalar(b, e, n);
	case YAML_SEQUENCE_START_EVENT:
		return plain(b, e, e->data.sequence_start.anchor, e->data.sequence_start.tag) && build_list(b, n, depth);
	case YAML_MAPPING_START_EVENT:
		return plain(b, e, e->data.mapping_start.anchor, e->data.mapping_start.tag) && build_map(b, n, depth);
	default:
		pol_diag_at(b->d, line_of(e), "", "found an alias (*), expected the value itself");
		return false;
	}
}

/* The events up to the document's end, and none after it. */
static bool
build_document(struct builder *b, struct pol_node *root)
{
	bool started = false, seen = false, ok = true;

	while (ok) {
		yaml_event_t	  e;
		yaml_event_type_t type;

		if (!next_event(b, &e))
			return false;
		type = e.type;
		if (type == YAML_DOCUMENT_START_EVENT && started) {
			pol_diag_at(b->d, line_of(&e), "", "found a second document (---), expected one");
			ok = false;
		} else if (type == YAML_DOCUMENT_START_EVENT) {
			started = true;
		} else if (type != YAML_STREAM_START_EVENT && type != YAML_STREAM_END_EVENT && type != YAML_DOCUMENT_END_EVENT) {
			root->line = line_of(&e);
			ok = build(b, &e, root, 0);
			seen = true;
		}
		yaml_event_delete(&e);
		if (type == YAML_STREAM_END_EVENT)
			break;
	}
	if (!seen || (root->type == POL_SCALAR && root->value.p == NULL))
		root->type = POL_MAP;
	return ok && b->d->n == 0;
}

struct pol_node *
pol_doc_parse(struct alv_str text, struct alv_arena *a, struct pol_diag *d)
{
	struct builder	 b = { .a = a, .d = d };
	struct pol_node *root = alv_arena_alloc(a, sizeof(*root));
	bool		 ok;

	if (text.p == NULL)
		text = ALV_STR("");
	if (text.n > POL_DOC_BYTES_MAX) {
		pol_diag_at(d, 0, "", "found %zu bytes, expected at most %d", text.n, POL_DOC_BYTES_MAX);
		return NULL;
	}
	if (root == NULL || !yaml_parser_initialize(&b.parser)) {
		pol_diag_at(d, 0, "", "out of memory");
		return NULL;
	}
	root->line = 1;
	yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&b.parser, (const unsigned char *)text.p, text.n);
	ok = build_document(&b, root);
	yaml_parser_delete(&b.parser);
	if (!ok && d->n == 0)
		pol_diag_at(d, 0, "", "out of memory");
	return ok ? root : NULL;
}

struct pol_node *
pol_doc_get(const struct pol_node *n, struct alv_str key)
{
	if (n == NULL || n->type != POL_MAP)
		return NULL;
	for (struct pol_node *c = n->first; c != NULL; c = c->next)
		if (alv_str_eq(c->key, key))
			return c;
	return NULL;
}

struct pol_node *
pol_doc_find(const struct pol_node *n, const char *path)
{
	struct pol_node *at = NULL;

	for (;;) {
		size_t len = strcspn(path, "/");

		at = pol_doc_get(n, alv_str_make(path, len));
		if (at == NULL || path[len] == '\0')
			return at;
		n = at;
		path += len + 1;
	}
}
