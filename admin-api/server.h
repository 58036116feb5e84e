/* The admin API and the ops listener. Two threads, each with its own loop: the ops listener answers while the admin
 * API is busy, and the other way round. */
#ifndef ADMIN_API_SERVER_H
#define ADMIN_API_SERVER_H

#include <alcove/base.h>
#include <alcove/buf.h>
#include <alcove/cluster.h>
#include <alcove/config.h>
#include <alcove/control.h>
#include <alcove/err.h>
#include <alcove/meter.h>
#include <alcove/policy.h>
#include <alcove/qsbr.h>

/* Everything here outlives the server. */
struct adm_conf {
	const struct pol_config	 *config;	/* admin.* and ops; port 0 binds any free port */
	struct con_control	 *control;	/* changes; must still run while adm_stop waits for the last answers */
	struct pol_dir		 *dir;
	struct clu_board	 *board;
	struct alv_qsbr		 *qsbr;		/* the admin thread joins as a reader */
	struct met_worker *const *meters;
	size_t			  nmeters;
	/* What /readyz asks: true when ready, else lines of text. Ops thread. NULL: con_ready(control). */
	bool (*ready)(void *arg, struct alv_buf *why);
	void			 *ready_arg;
	/* What /healthz asks, in the same way. NULL: it is. */
	bool (*healthy)(void *arg, struct alv_buf *why);
	const char		 *version;	/* NULL: not told */
	uint32_t		  change_timeout_ms;	/* 0: 30,000 */
	uint32_t		  request_timeout_ms;	/* for a request to arrive, and for idle connections; 0: 10,000 */
};

struct adm_server;

/* Binds both listeners, reads certificate and tokens, starts both threads. On failure nothing is left behind and `err`
 * holds lines of text for a person. */
enum alv_err adm_start(const struct adm_conf *c, struct adm_server **s, struct alv_buf *err) ALV_MUST;
/* The certificate anew, by what `config` says of it now, in two steps: made and checked; then used for new connections.
 * *out is NULL where the API has no TLS. Any thread but those of the server. */
struct adm_tls;
enum alv_err adm_tls_prepare(struct adm_server *s, const struct pol_config *config, struct adm_tls **out, struct alv_buf *err) ALV_MUST;
void	     adm_tls_use(struct adm_tls *t);	/* takes t; NULL is allowed */
void	     adm_tls_free(struct adm_tls *t);	/* one that was not used; NULL is allowed */
/* The ports that were bound. */
uint16_t adm_port(const struct adm_server *s);
uint16_t adm_ops_port(const struct adm_server *s);
/* Takes no new connection, answers what waits for a change with 503, gives responses some seconds to leave, ends both
 * threads. Call it before the control thread ends; NULL is allowed. */
void adm_stop(struct adm_server *s);

#endif
