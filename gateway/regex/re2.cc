/* The only C++ of the gateway; see re2.h. */
#include "regex/re2.h"

#include <re2/re2.h>

#include <cstring>

struct reg {
	re2::RE2 re;

	reg(const char *p, size_t n, const re2::RE2::Options &o) : re(re2::StringPiece(p, n), o) { }
};

static void
say(const std::string &words, char *why, size_t why_n)
{
	size_t n = words.size() < why_n ? words.size() : why_n - 1;

	memcpy(why, words.data(), n);
	why[n] = '\0';
}

static struct reg *
make(const char *p, size_t n, size_t mem, bool groups, char *why, size_t why_n)
{
	struct reg *r = nullptr;

	why[0] = '\0';
	try {
		re2::RE2::Options o;

		o.set_log_errors(false);
		o.set_never_capture(!groups);
		o.set_max_mem(static_cast<int64_t>(mem));
		r = new reg(p, n, o);
		if (r->re.ok())
			return r;
		say(r->re.error(), why, why_n);
	} catch (...) {
		why[0] = '\0';
	}
	delete r;
	return nullptr;
}

struct reg *
reg_re2_new(const char *p, size_t n, size_t mem, char *why, size_t why_n)
{
	return make(p, n, mem, false, why, why_n);
}

struct reg *
reg_re2_new_groups(const char *p, size_t n, size_t mem, char *why, size_t why_n)
{
	return make(p, n, mem, true, why, why_n);
}

size_t
reg_re2_groups(const struct reg *r)
{
	int n = r->re.NumberOfCapturingGroups();

	return n < 0 ? 0 : static_cast<size_t>(n);
}

bool
reg_re2_parts(const struct reg *r, const char *p, size_t len, struct reg_part *part, size_t n)
{
	try {
		re2::StringPiece found[10];

		if (n > 10 || !r->re.Match(re2::StringPiece(p, len), 0, len, re2::RE2::ANCHOR_BOTH, found, static_cast<int>(n)))
			return false;
		for (size_t i = 0; i < n; i++) {
			part[i].at = found[i].data() == nullptr ? 0 : static_cast<size_t>(found[i].data() - p);
			part[i].n = found[i].data() == nullptr ? 0 : found[i].size();
		}
		return true;
	} catch (...) {
		return false;
	}
}

void
reg_re2_free(struct reg *r)
{
	delete r;
}

bool
reg_re2_full(const struct reg *r, const char *p, size_t n)
{
	try {
		return re2::RE2::FullMatchN(re2::StringPiece(p, n), r->re, nullptr, 0);
	} catch (...) {
		return false;
	}
}
