/* The rows of option.def as arrays. */
#include "policies/option.h"

const char pol_required[] = "";

#define REQUIRED pol_required

const struct pol_option pol_options[] = {
#define SECTION(p, h)
#define OPT(p, t, holder, member, second, d, l, h, w, text) \
	{ .path = (p), .type = POL_T_##t, .at = offsetof(struct holder, member), .also = offsetof(struct holder, second), \
	  .size = sizeof(((struct holder *)NULL)->member), .dflt = (d), .lo = (l), .hi = (h), .words = (w), .help = (text) },
#include "policies/option.def"
#undef SECTION
#undef OPT
};

const struct pol_section pol_sections[] = {
#define SECTION(p, h) { .path = (p), .help = (h) },
#define OPT(p, t, holder, member, second, d, l, h, w, text)
#include "policies/option.def"
#undef SECTION
#undef OPT
};

const size_t pol_noptions = ALV_COUNT(pol_options);
const size_t pol_nsections = ALV_COUNT(pol_sections);
