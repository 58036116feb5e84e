/* Listening sockets, all on one acceptor thread's loop; each accepted descriptor is given away to a worker. */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include "net/loop.h"

#include <sys/socket.h>

struct net_listener;

/* fd is nonblocking, close-on-exec, TCP_NODELAY; the callee owns it. peer is the far address.
 * fd -1: a client had to be closed at once, because no descriptor is left. */
typedef void (*net_accept_fn)(void *arg, struct net_listener *l, int fd, const struct sockaddr_storage *peer);

/* address: "0.0.0.0", "::" (IPv4 too), "127.0.0.1": an address, no name; port 0: any (net_listener_port tells). Out of descriptors: accepting pauses
 * for 100 ms and goes on; a spare descriptor is kept so that waiting clients are closed rather than left hanging. */
enum alv_err net_listener_open(struct net_loop *l, const char *address, uint16_t port, net_accept_fn fn, void *arg,
    struct net_listener **out, char *err, size_t err_n) ALV_MUST;
/* Dead peers of what is accepted from here on are found within ms (net/dial.h): Linux gives each the listener's own options,
 * which saves five calls a connection. 0: they are not looked for. */
void	     net_listener_dead_after(struct net_listener *l, uint32_t ms);
uint16_t     net_listener_port(const struct net_listener *l);
void	    *net_listener_arg(const struct net_listener *l);
/* Clients that were closed because no descriptor was left for them. */
uint64_t     net_listener_refused(const struct net_listener *l);
/* Not from inside the accept callback. */
void	     net_listener_close(struct net_listener *l);

#endif
