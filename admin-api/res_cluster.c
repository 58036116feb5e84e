/* /v1/cluster, /v1/whoami and /openapi.json: nothing of a tenant. */
#include "admin-api/admin.h"

enum { REASONS_MAX = 16 * 1024 };

void
adm_whoami(struct adm_req *r)
{
	adm_answer_json(r, 200, json_pack("{s:s, s:s}", "name", r->who.name, "role", adm_role_name(r->who.role)));
}

void
adm_openapi_get(struct adm_req *r)
{
	adm_answer_text(r, 200, "application/json", alv_str_of(r->server->openapi));
}

static json_t *
broker_json(const struct clu_broker *b)
{
	return json_pack("{s:i, s:o, s:i, s:o}", "id", b->id, "host", adm_json_str(b->host), "port", b->port, "rack",
	    b->rack.p == NULL ? json_null() : adm_json_str(b->rack));
}

static json_t *
lines_json(const struct alv_buf *b)
{
	struct alv_str rest = alv_str_make(b->p, b->n);
	json_t	      *lines = json_array();

	while (rest.n > 0) {
		const char    *lf = memchr(rest.p, '\n', rest.n);
		struct alv_str line = alv_str_make(rest.p, lf == NULL ? rest.n : (size_t)(lf - rest.p));

		if (line.n > 0)
			json_array_append_new(lines, adm_json_str(line));
		rest.p += line.n + (lf != NULL);
		rest.n -= line.n + (lf != NULL);
	}
	return lines;
}

void
adm_cluster_get(struct adm_req *r)
{
	const struct clu_view *v = clu_board_load(r->server->conf.board);
	json_t		      *brokers = json_array(), *body;
	struct alv_buf	       why;
	bool		       ready;

	alv_buf_init(&why, REASONS_MAX);
	ready = con_ready(r->server->conf.control, &why);
	for (size_t i = 0; v != NULL && i < v->nbrokers; i++)
		json_array_append_new(brokers, broker_json(&v->brokers[i]));
	body = json_pack("{s:b, s:b, s:o, s:o, s:o, s:I, s:o}", "reachable", v != NULL && v->nbrokers > 0, "ready", ready, "reasons",
	    lines_json(&why), "clusterId", v == NULL ? json_null() : adm_json_str(v->cluster_id), "controllerId",
	    v == NULL || v->controller_id < 0 ? json_null() : json_integer(v->controller_id), "topics",
	    (json_int_t)(v == NULL ? 0 : v->ntopics), "brokers", brokers);
	alv_buf_fini(&why);
	adm_answer_json(r, 200, body);
}
