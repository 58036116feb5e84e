/* Where clients come in: bound ports, what tenant and broker they stand for, and the SNI rule. */
#ifndef PX_ENDPOINT_H
#define PX_ENDPOINT_H

#include "net/proxy_protocol.h"
#include "proxy/gateway.h"

struct px_port {
	struct px_gateway	  *gateway;
	const struct pol_listener *conf;
	struct net_tls_server	  *tls;
	struct net_listener	  *listener;
	struct net_proxy_rule	   proxy;
	int32_t			   node;	/* -1: bootstrap, and every port of an sni listener */
	uint16_t		   bound;
};

/* Opens all ports of all listeners. On failure those that were opened are closed again. */
enum alv_err px_ports_open(struct px_gateway *g, struct alv_buf *err) ALV_MUST;
void	     px_ports_close(struct px_gateway *g);

/* What the port's listener says now. */
const struct pol_listener *px_port_listener(const struct px_port *port);
/* Can the gateway go by a listener's options that its file alone does not tell? VALUE: err has the words. */
enum alv_err px_listener_check(const struct pol_listener *l, struct alv_buf *err) ALV_MUST;
/* The PROXY header that a connection at this port begins with; NULL: none. */
const struct net_proxy_rule *px_port_proxy(const struct px_port *port);

/* Sets tenant, node, listener of a connection that came in at `port` with the (lower-case) SNI name. NOT_FOUND: there is
 * no such endpoint. */
enum alv_err px_endpoint_resolve(const struct px_port *port, const char *sni, struct api_conn *conn) ALV_MUST;

#endif
