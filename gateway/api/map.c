/* A whole message mapped by the kinds of its fields: virtual to physical in requests, physical to virtual in responses.
 *
 * One table per direction says what happens to a field of each kind; a kind without an entry is refused, so a field
 * that a later schema brings is closed until somebody decides. Handlers have judged a request before it comes here: what
 * cannot be mapped now is a refusal of the whole.
 * In responses an element whose name or id is not this tenant's disappears from the innermost list around it, counted;
 * where there is no such list, the whole response is refused (FOREIGN).
 * Invariant: names are mapped before the other fields of the same struct, so these can ask for the virtual name. */
#include "api/map.h"

/* ---- what both directions need -------------------------------------------------------------------- */

static bool
nullable(const struct api_map *m, const struct kfk_node *n)
{
	return kfk_versions_has(n->f->nullable, m->t->version);
}

enum alv_err
api_rule_keep(struct api_map *m, const struct api_peers *p, struct kfk_node *n)
{
	(void)m;
	(void)p;
	(void)n;
	return ALV_OK;
}

enum alv_err
api_rule_blank(struct api_map *m, const struct api_peers *p, struct kfk_node *n)
{
	(void)p;
	n->v.is_null = nullable(m, n);
	n->v.s = n->v.is_null ? ALV_STR_NULL : ALV_STR("");
	return ALV_OK;
}

enum alv_err
api_map_embedded(struct api_map *m, struct kfk_node *n, kfk_map_fn fn, struct alv_str *out)
{
	const struct kfk_schema *s =
	    n->f->kind == KFK_KIND_SUBSCRIPTION ? &kfk_consumer_subscription : &kfk_consumer_assignment;
	struct alv_str in = kfk_node_bytes(m->t, n);

	if (in.p == NULL && !n->v.is_null)
		return ALV_E_NOMEM;
	*out = in;
	return in.n == 0 ? ALV_OK : kfk_embedded_map(s, in, fn, m->c, &m->c->arena, out);
}

void
api_put_bytes(struct kfk_node *n, struct alv_str s)
{
	n->v.bytes = NULL;
	n->v.s = s;
	n->v.is_null = s.p == NULL;
}

/* ---- the pass ---------------------------------------------------------------------------------------------- */

static struct api_peers
peers_of(const struct kfk_node *parent, int16_t code, bool element)
{
	struct api_peers p = { .code = code, .element = element };

	for (struct kfk_node *k = parent->kids; k != NULL; k = k->next) {
		if (k->f->array)
			continue;
		switch (k->f->kind) {
		case KFK_KIND_TOPIC_NAME: p.name = k; break;
		case KFK_KIND_TOPIC_ID: p.id = k; break;
		case KFK_KIND_GROUP_ID: p.group = k; break;
		case KFK_KIND_BROKER_ID: p.node = k; break;
		case KFK_KIND_HOST: p.host = k; break;
		case KFK_KIND_PORT: p.port = k; break;
		case KFK_KIND_CONFIG_TYPE: p.config_type = k->v.i; break;
		case KFK_KIND_ERROR_CODE: p.code = (int16_t)k->v.i; break;
		default: break;
		}
	}
	return p;
}

static enum alv_err map_struct(struct api_map *m, struct kfk_node *parent, int16_t code, bool element);

/* One value: a field that is no list, or an element of one. */
static enum alv_err
map_value(struct api_map *m, const struct api_peers *p, struct kfk_node *n, bool element)
{
	api_rule_fn rule = (m->t->schema->dir == KFK_REQUEST ? api_in_rules : api_out_rules)[n->f->kind];

	if (n->f->type == KFK_STRUCT)
		return n->v.is_null ? ALV_OK : map_struct(m, n, p->code, element);
	return rule == NULL ? ALV_E_DENIED : rule(m, p, n);
}

static enum alv_err
map_list(struct api_map *m, const struct api_peers *p, struct kfk_node *list)
{
	struct kfk_node *prev = NULL, *next;

	for (struct kfk_node *e = list->kids; e != NULL; e = next) {
		enum alv_err err = map_value(m, p, e, true);

		next = e->next;
		if (err == ALV_E_FOREIGN && m->t->schema->dir == KFK_RESPONSE) {
			kfk_unlink(list, prev, e);
			m->dropped++;
			continue;
		}
		if (err)
			return err;
		prev = e;
	}
	return ALV_OK;
}

static enum alv_err
map_struct(struct api_map *m, struct kfk_node *parent, int16_t code, bool element)
{
	struct api_peers	 p = peers_of(parent, code, element);
	struct kfk_node *prev = NULL, *next;
	enum alv_err	 err = m->t->schema->dir == KFK_RESPONSE ? api_out_identity(m, &p) : ALV_OK;

	for (struct kfk_node *k = parent->kids; !err && k != NULL; k = next) {
		next = k->next;
		err = k->f->array ? map_list(m, &p, k) : map_value(m, &p, k, false);
		if (err == ALV_E_NOT_FOUND) {
			kfk_unlink(parent, prev, k);
			err = ALV_OK;
			continue;
		}
		prev = k;
	}
	return err;
}

static enum alv_err
map_tree(struct api_call *c, struct kfk_tree *t)
{
	struct api_map   m = { .c = c, .t = t };
	enum alv_err err = map_struct(&m, &t->root, 0, false);

	if (m.dropped > 0)
		met_dropped(c->conn->w->meter, 0, m.dropped);
	if (!err && c->arena.failed)
		err = ALV_E_LIMIT;
	return err == ALV_OK && m.waiting ? ALV_E_AGAIN : err;
}

enum alv_err
api_map_in(struct api_call *c, struct kfk_tree *q)
{
	return map_tree(c, q);
}

enum alv_err
api_map_out(struct api_call *c, struct kfk_tree *r)
{
	return map_tree(c, r);
}
