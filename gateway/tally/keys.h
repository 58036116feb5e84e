/* Which limit is about which kind. */
#ifndef TAL_KEYS_H
#define TAL_KEYS_H

#include <alcove/policy.h>
#include <alcove/tally.h>

enum pol_quota_key tal_key(enum tal_kind k);

#endif
