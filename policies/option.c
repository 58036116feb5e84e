/* The rows of option.def as arrays. */
#include "policies/option.h"

const char pol_required[] = "";

#define REQUIRED pol_required

const struct pol_option pol_options[] = {
#define ROW(how, p, t, holder, member, second, d, l, h, w, text) \
	{ .path = (p), .type = POL_T_##t, .at = offsetof(struct holder, member), .also = offsetof(struct holder, second), \
	  .size = sizeof(((struct holder *)NULL)->member), .takes = (how), .dflt = (d), .lo = (l), .hi = (h), .words = (w), \
	  .help = (text) },
#define SECTION(p, h)
#define OPT(...) ROW(POL_TAKES_RESTART, __VA_ARGS__)
#define OPT_NEW(...) ROW(POL_TAKES_NEW, __VA_ARGS__)
#define OPT_ONCE(...) ROW(POL_TAKES_ONCE, __VA_ARGS__)
#include "policies/option.def"
#undef SECTION
#undef OPT
#undef OPT_NEW
#undef OPT_ONCE
#undef ROW
};

const struct pol_section pol_sections[] = {
#define SECTION(p, h) { .path = (p), .help = (h) },
#define OPT(...)
#define OPT_NEW(...)
#define OPT_ONCE(...)
#include "policies/option.def"
#undef SECTION
#undef OPT
#undef OPT_NEW
#undef OPT_ONCE
};

const size_t pol_noptions = ALV_COUNT(pol_options);
const size_t pol_nsections = ALV_COUNT(pol_sections);
