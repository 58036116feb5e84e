/* What clients showed in their handshakes, kept so that it can be held against what is believed later: a certificate is revoked, an
 * authority is no longer one. OpenSSL's own objects are gone by then, and would be some kilobytes for each connection; connections
 * of a listener that showed the same share one of these. Any thread. */
#ifndef NET_SHOWN_H
#define NET_SHOWN_H

#include "net/stream.h"

enum { NET_SHOWN_MAX = 16384 };	/* bytes of certificates, DER; a tenant may be its own authority and write what it likes */

struct net_shown;

/* Within on_open. *out NULL: no certificate was shown. LIMIT: more than NET_SHOWN_MAX. t is the stream's and outlives *out. */
enum alv_err net_shown_keep(const struct net_stream *s, const struct net_tls_server *t, struct net_shown **out) ALV_MUST;
void	     net_shown_drop(struct net_shown *x);	/* NULL is allowed */
/* net_stream_subject, of at most 255 bytes; NULL: "". As long as x is kept. */
const char  *net_shown_subject(const struct net_shown *x);
/* Would it be let in now? By the authorities and lists that the server has now; that time has gone by changes nothing. NULL: yes. Takes
 * signatures' time when it is asked for the first time after a change of these, and next to none later. */
bool	     net_shown_good(struct net_shown *x);

#endif
