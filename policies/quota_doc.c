/* docs/limits.md and `alcove limits`: what can be limited, from quota.def, so that it cannot say what is not so. */
#include <alcove/quota_list.h>
#include <alcove/str.h>

static const char head[] =
	"# Limits\n"
	"\n"
	"<!-- Made by `make docs` from include/alcove/tbl/quota.def. -->\n"
	"\n"
	"Every limit that is enforced, and the entities on which it is: others are refused. [Quotas](quotas.md) says how they are set, and which\n"
	"holds for whom. A number holds for the whole virtual cluster, all its brokers and connections together.\n"
	"\n"
	"| limit | of | unit | value | on | where none is set |\n"
	"|---|---|---|---|---|---|\n";

static const char *
values(const struct pol_quota_key_info *k)
{
	return !k->whole ? "more than 0" : k->min > 0 ? "1 or more, whole" : "0 or more, whole";
}

static void
kinds(unsigned on, struct alv_buf *out)
{
	static const char *const names[POL_QUOTA_KINDS] = { "tenant", "client", "group", "address" };
	const char *between = "";

	for (int i = 0; i < POL_QUOTA_KINDS; i++) {
		if ((on & 1u << i) == 0)
			continue;
		alv_buf_printf(out, "%s%s", between, names[i]);
		between = ", ";
	}
}

void
pol_quota_doc(struct alv_buf *out)
{
	alv_buf_z(out, head);
	for (int i = 0; i < POL_QUOTA_KEYS; i++) {
		const struct pol_quota_key_info *k = pol_quota_info((enum pol_quota_key)i);

		if (k->enforced == 0)
			continue;
		alv_buf_printf(out, "| `%s` | %s | %s | %s | ", k->name, k->help, k->unit, values(k));
		kinds(k->enforced, out);
		if (k->standard > 0)
			alv_buf_printf(out, " | %.0f |\n", k->standard);
		else
			alv_buf_z(out, " | no limit |\n");
	}
}
