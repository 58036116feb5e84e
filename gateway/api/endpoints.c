/* Brokers' addresses in answers that are walked: Fetch and ShareFetch. Where an answer leaves before its end has come, its
 * length is fixed, so what addresses may take has been set aside before (api_endpoints_room).
 * Invariant: no host, port, rack or node leaves but as this connection's clients can dial it. */
#include "api/endpoints.h"

static bool
begins(struct api_endpoints *e, struct api_call *c, int64_t node)
{
	size_t need;

	if (!api_reachable(c->conn, node) || !api_advertise(c->conn, &c->arena, (int32_t)node, &e->host, &e->port))
		return false;
	e->rack = alv_arena_str(&c->arena, api_rack_of(c, node));	/* the view may be another by then */
	need = e->host.n + e->rack.n + 2;	/* two for longer lengths */
	if (!e->bounded)
		return true;
	if (need > e->room)
		return false;
	e->room -= need;
	return true;
}

static enum kfk_do
see_node(struct api_endpoints *e, struct api_call *c, uint16_t id, struct kfk_value *v)
{
	if (id == e->node)
		return begins(e, c, v->i) ? KFK_KEEP : KFK_DROP;
	if (v->i == -1 || api_reachable(c->conn, v->i))
		return KFK_KEEP;
	v->i = -1;
	return KFK_REPLACE;
}

enum kfk_do
api_endpoints_see(struct api_endpoints *e, struct api_call *c, uint16_t id, const struct kfk_field *f, struct kfk_value *v)
{
	switch (f->kind) {
	case KFK_KIND_BROKER_ID:
		return see_node(e, c, id, v);
	case KFK_KIND_HOST:
		v->s = e->host;
		return KFK_REPLACE;
	case KFK_KIND_PORT:
		v->i = e->port;
		return KFK_REPLACE;
	case KFK_KIND_RACK:
		v->s = e->rack;
		v->is_null = e->rack.p == NULL;
		return KFK_REPLACE;
	default:
		return KFK_KEEP;
	}
}
