/* Telling systemd how we are (sd_notify's protocol: one datagram to $NOTIFY_SOCKET). */
#ifndef LIFE_NOTIFY_H
#define LIFE_NOTIFY_H

#include <alcove/base.h>

/* state: "READY=1", or several lines. False: nobody wants to know, or it cannot be told. Any thread. */
bool lif_notify(const char *state);
/* What $WATCHDOG_USEC says to this very process; 0: nothing. */
uint64_t lif_notify_watchdog_us(void);

#endif
