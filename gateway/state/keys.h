/* How a user's SCRAM keys lie in the store: stored key and server key, 64 bytes each, sealed as one value. */
#ifndef STO_KEYS_H
#define STO_KEYS_H

#include <alcove/policy.h>

#include "state/seal.h"

enum { STO_KEYS_BYTES = 128 };

struct sto_place sto_keys_place(struct alv_str tenant, struct alv_str name, enum pol_mechanism m);

#endif
