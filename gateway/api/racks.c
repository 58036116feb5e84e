/* Racks, both ways. Clients say where they are and read from a replica that is near (KIP-392), and members are given
 * partitions that are: both compare texts, so tenants are told brokers' racks as the platform wrote them, or under other
 * names, or not at all (upstream.racks, upstream.rack.names).
 * Invariants: what a client says is compared with what it was told, never with a name that was replaced; a broker's rack
 * is that of the view, wherever its address stands, as host and port are. What members of classic groups write into their
 * own bytes for each other stays theirs: both sides of it speak of what they were told. */
#include "api/kit.h"

static const struct pol_upstream *
settings(const struct api_call *c)
{
	return &c->conn->w->shared->conf->upstream;
}

struct alv_str
api_rack_out(const struct api_call *c, struct alv_str phys)
{
	const struct pol_upstream *u = settings(c);

	if (u->racks == POL_RACKS_HIDE || phys.n == 0)
		return ALV_STR_NULL;
	for (size_t i = 0; i < u->nrack_names; i++)
		if (alv_str_eq(u->rack_names[i].phys, phys))
			return u->rack_names[i].virt;
	return phys;
}

struct alv_str
api_rack_in(const struct api_call *c, struct alv_str virt)
{
	const struct pol_upstream *u = settings(c);

	if (u->racks == POL_RACKS_HIDE || virt.n == 0)
		return ALV_STR_NULL;
	for (size_t i = 0; i < u->nrack_names; i++)
		if (alv_str_eq(u->rack_names[i].virt, virt))
			return u->rack_names[i].phys;
	for (size_t i = 0; i < u->nrack_names; i++)
		if (alv_str_eq(u->rack_names[i].phys, virt))
			return ALV_STR_NULL;	/* to tenants that name is none */
	return virt;
}

struct alv_str
api_rack_of(const struct api_call *c, int64_t node)
{
	const struct clu_broker *b = node < 0 || node > INT32_MAX ? NULL : clu_broker_find(c->view, (int32_t)node);

	return b == NULL ? ALV_STR_NULL : api_rack_out(c, b->rack);
}

size_t
api_racks_room(const struct api_call *c)
{
	size_t most = 0;

	for (size_t i = 0; i < c->view->nbrokers; i++) {
		size_t n = api_rack_out(c, c->view->brokers[i].rack).n;

		most = n > most ? n : most;
	}
	return most;
}

void
api_put_racks(struct api_call *c, struct kfk_tree *r, struct kfk_node *list, uint16_t node, uint16_t rack)
{
	for (struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = e->next) {
		struct alv_str s = api_rack_of(c, kfk_get_int(r, e, node));

		if (s.p == NULL)
			kfk_set_null(r, e, rack);
		else
			kfk_set_str(r, e, rack, alv_arena_str(&c->arena, s));
	}
}
