// The one C++ file: wraps simdjson On-Demand, std::to_chars and std::from_chars for the C around it.
//
// On-Demand finds the tokens, checks UTF-8 and unescapes. The walk over its tokens is ours, because
// its own skipping takes a bracket for a brace, knows no depth and believes what it does not read:
// what an event is taken for must not depend on which of its fields a configuration happens to use.
#include "event/json.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <new>

#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>

// ---- numbers ----

// The longest shortest form is 24 bytes: "-1.7976931348623157e+308".
#define NUM_BYTES 32
// Up to here every integral double is exact, and prints as an integer.
#define EXACT_MAX (UINT64_C(1) << 53)

extern "C" size_t
mr_num_format(char out[NUM_BYTES], double d)
{
	const double max = static_cast<double>(EXACT_MAX);
	std::to_chars_result r;

	MR_ASSERT(std::isfinite(d));
	if (d >= -max && d <= max && d == static_cast<double>(static_cast<int64_t>(d)))
		r = std::to_chars(out, out + NUM_BYTES, static_cast<int64_t>(d));  // -0 is 0
	else
		r = std::to_chars(out, out + NUM_BYTES, d);
	MR_ASSERT(r.ec == std::errc());
	return static_cast<size_t>(r.ptr - out);
}

namespace {

struct number {
	uint64_t mantissa;        // all digits before the exponent; wrong where there are more than 19
	uint32_t digits, decimals;
	const char *exponent;     // NULL: none
	bool negative;
};

bool
digits(const char **p, const char *end, struct number *n)
{
	const char *from = *p;

	for (; *p < end && static_cast<unsigned char>(**p - '0') < 10; ++*p)
		n->mantissa = n->mantissa * 10 + static_cast<unsigned char>(**p - '0');
	n->digits += static_cast<uint32_t>(*p - from);
	return *p > from;
}

// JSON's grammar of numbers: -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?
bool
grammar(const char *p, const char *end, struct number *n)
{
	*n = number{};
	n->negative = p < end && *p == '-';
	p += n->negative;
	bool zero = p < end && *p == '0';
	if (!digits(&p, end, n) || (zero && n->digits > 1))
		return false;
	if (p < end && *p == '.') {
		uint32_t before = n->digits;
		if (!digits(&++p, end, n))
			return false;
		n->decimals = n->digits - before;
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		struct number unused = {};
		n->exponent = p++;
		p += p < end && (*p == '+' || *p == '-');
		if (!digits(&p, end, &unused))
			return false;
	}
	return p == end;
}

// Whether a number that no double holds is too small, not too large: by the place of its first digit.
bool
too_small(const char *p, const char *end, const struct number &n)
{
	int64_t place = 0, exponent = 0;
	const char *stop = n.exponent ? n.exponent : end;

	p += n.negative;
	if (*p != '0') {
		place = static_cast<int64_t>(n.digits - n.decimals);
	} else {
		for (p += 2; p < stop && *p == '0'; p++)
			place--;
	}
	if (n.exponent) {
		bool minus = stop[1] == '-';
		for (p = stop + 1 + (minus || stop[1] == '+'); p < end && exponent < INT32_MAX; p++)
			exponent = exponent * 10 + (*p - '0');
		place += minus ? -exponent : exponent;
	}
	return place < 0;
}

// std::from_chars for what the fast way can't do. Too small is zero, as every JSON parser has it.
bool
convert(const char *p, const char *end, const struct number &n, double *out)
{
	double d = 0;
	std::from_chars_result r = std::from_chars(p, end, d);

	if (r.ec == std::errc::result_out_of_range && too_small(p, end, n))
		d = 0;
	else if (r.ec != std::errc() || r.ptr != end)
		return false;
	*out = d;
	return std::isfinite(d);
}

enum parsed { PARSED, NOT_A_NUMBER, OUT_OF_RANGE };

// Few digits and no exponent: both parts are exact doubles, so one division rounds correctly.
enum parsed
parse_number(const char *p, const char *end, double *out)
{
	static const double tens[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14,
	    1e15, 1e16, 1e17, 1e18, 1e19};
	struct number n;

	if (!grammar(p, end, &n))
		return NOT_A_NUMBER;
	if (n.exponent || n.digits > 19 || n.mantissa > EXACT_MAX)
		return convert(p, end, n, out) ? PARSED : OUT_OF_RANGE;
	double d = static_cast<double>(n.mantissa) / tens[n.decimals];
	*out = n.negative ? -d : d;
	return PARSED;
}

}

extern "C" bool
mr_num_parse(struct mr_str s, double *out)
{
	return s.n > 0 && parse_number(s.p, s.p + s.n, out) == PARSED;
}

// ---- the walk ----

namespace od = simdjson::ondemand;

struct mr_json {
	od::parser parser;
	uint32_t depth_max, key_max, string_max, record_max;
	const struct mr_schema *schema;
	struct mr_member *stack;    // items and members of the containers that are being read whole
	size_t n, cap;
};

namespace {

// Where On-Demand keeps its tokens: offsets of their first bytes, and one more, the document's size.
class tokens : public od::json_iterator {
public:
	explicit tokens(od::json_iterator &&it) noexcept : od::json_iterator(std::move(it)) {}
	const uint32_t *first() const { return position(); }
	const uint32_t *behind() const { return end_position(); }
};

struct walk {
	struct mr_json *json;
	const char *doc;
	size_t doc_n;
	const uint32_t *at, *end;
	uint32_t depth;
	struct mr_arena *arena;
	struct mr_fields *out;
	struct mr_decode_error *error;
};

size_t
position(const struct walk *w)
{
	return w->at < w->end ? *w->at : w->doc_n;
}

bool
malformed(struct walk *w, const char *detail)
{
	return mr_bad(w->error, MR_BAD_JSON, position(w), detail);
}

// The token's first byte; 0, which begins no token that is right, at the end.
inline char
peek(const struct walk *w)
{
	return w->at < w->end ? w->doc[*w->at] : 0;
}

inline bool
take(struct walk *w, char c)
{
	if (peek(w) != c)
		return false;
	w->at++;
	return true;
}

// The whole token, without the white space that follows it.
inline struct mr_str
text(const struct walk *w)
{
	const char *p = w->doc + w->at[0], *end = w->doc + w->at[1];

	while (end[-1] == ' ' || end[-1] == '\n' || end[-1] == '\r' || end[-1] == '\t')
		end--;
	return {p, static_cast<size_t>(end - p)};
}

bool
descend(struct walk *w)
{
	if (w->depth >= w->json->depth_max)
		return mr_bad(w->error, MR_BAD_TOO_DEEP, position(w), "nested too deep");
	w->depth++;
	w->at++;
	return true;
}

inline bool
is_word(struct mr_str s)
{
	return mr_str_eq(s, MR_LIT("true")) || mr_str_eq(s, MR_LIT("false")) || mr_str_eq(s, MR_LIT("null"));
}

// What is between the quotes, escapes and all; `max` bounds it as it was sent.
inline bool
raw_string(struct walk *w, uint32_t max, struct mr_str *raw)
{
	struct mr_str s = text(w);

	if (s.n < 2 || s.p[0] != '"' || s.p[s.n - 1] != '"')
		return malformed(w, "a string was expected");
	if (s.n - 2 > max)
		return mr_bad(w->error, MR_BAD_TOO_LARGE, position(w), "a key or string is too long");
	*raw = {s.p + 1, s.n - 2};
	return true;
}

inline bool
has_escape(struct mr_str raw)
{
	return raw.n > 0 && memchr(raw.p, '\\', raw.n) != nullptr;
}

bool
unescape(struct walk *w, struct mr_str raw, struct mr_str *out)
{
	// simdjson writes whole blocks: some room behind.
	void *room = mr_arena_alloc(w->arena, raw.n + simdjson::SIMDJSON_PADDING);
	uint8_t *to = static_cast<uint8_t *>(room);
	std::string_view view;
	od::raw_json_string in(reinterpret_cast<const uint8_t *>(raw.p));

	if (w->json->parser.unescape(in, to).get(view))
		return malformed(w, "an escape that is none");
	*out = {view.data(), view.size()};
	return true;
}

// At a string; moves past it.
inline bool
read_string(struct walk *w, uint32_t max, struct mr_str *out)
{
	struct mr_str raw = {};

	if (!raw_string(w, max, &raw))
		return false;
	*out = raw;
	if (has_escape(raw) && !unescape(w, raw, out))
		return false;
	w->at++;
	return true;
}

inline bool
read_key(struct walk *w, struct mr_str *key)
{
	if (peek(w) != '"')
		return malformed(w, "a key was expected");
	if (!read_string(w, w->json->key_max, key))
		return false;
	return take(w, ':') || malformed(w, "':' was expected");
}

// ---- what is not read ----

inline bool
is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool
escapes_ok(struct mr_str raw)
{
	for (size_t i = 0; i < raw.n; i++) {
		if (raw.p[i] != '\\')
			continue;
		if (++i == raw.n || !memchr("\"\\/bfnrtu", raw.p[i], 9))
			return false;
		for (int k = 0; raw.p[i] == 'u' && k < 4; k++)
			if (i + 1 + k >= raw.n || !is_hex(raw.p[i + 1 + k]))
				return false;
	}
	return true;
}

inline bool
skip_string(struct walk *w, uint32_t max)
{
	struct mr_str raw = {};

	if (!raw_string(w, max, &raw))
		return false;
	if (has_escape(raw) && !escapes_ok(raw))
		return malformed(w, "an escape that is none");
	w->at++;
	return true;
}

inline bool
skip_key(struct walk *w)
{
	if (peek(w) != '"')
		return malformed(w, "a key was expected");
	if (!skip_string(w, w->json->key_max))
		return false;
	return take(w, ':') || malformed(w, "':' was expected");
}

inline bool
skip_scalar(struct walk *w, char c)
{
	struct number n;

	if (c == '"')
		return skip_string(w, w->json->string_max);
	if (w->at == w->end)
		return malformed(w, "a value was expected");
	struct mr_str s = text(w);
	if (!(c == 't' || c == 'f' || c == 'n' ? is_word(s) : grammar(s.p, s.p + s.n, &n)))
		return malformed(w, "not a value");
	w->at++;
	return true;
}

// One value of any shape, its grammar checked. `objects` has a bit for each level opened here.
bool
skip(struct walk *w)
{
	uint64_t objects = 0;
	uint32_t from = w->depth;

	for (;;) {
		char c = peek(w);
		if (c == '{' || c == '[') {
			if (!descend(w))
				return false;
			objects = objects << 1 | (c == '{');
			if (peek(w) != (c == '{' ? '}' : ']')) {
				if (c == '{' && !skip_key(w))
					return false;
				continue;
			}
		} else if (!skip_scalar(w, c)) {
			return false;
		}
		while (w->depth > from && take(w, objects & 1 ? '}' : ']')) {
			objects >>= 1;
			w->depth--;
		}
		if (w->depth == from)
			return true;
		if (!take(w, ','))
			return malformed(w, "',' or a closing bracket was expected");
		if ((objects & 1) && !skip_key(w))
			return false;
	}
}

// ---- what is read ----

bool read_value(struct walk *, struct mr_value *);

struct mr_member *
push(struct mr_json *j)
{
	if (j->n == j->cap) {
		j->cap = j->cap ? j->cap * 2 : 256;
		void *p = std::realloc(j->stack, j->cap * sizeof(*j->stack));
		MR_ASSERT(p != nullptr);
		j->stack = static_cast<struct mr_member *>(p);
	}
	return &j->stack[j->n++];
}

// Between two items: *more is false once the container is closed.
bool
separator(struct walk *w, char close, bool *more)
{
	*more = take(w, ',');
	if (*more)
		return true;
	if (!take(w, close))
		return malformed(w, "',' or a closing bracket was expected");
	w->depth--;
	return true;
}

bool
read_list(struct walk *w, struct mr_value *out)
{
	struct mr_json *j = w->json;
	size_t base = j->n;
	struct mr_value v;

	if (!descend(w))
		return false;
	bool more = peek(w) != ']';
	if (!more && !separator(w, ']', &more))
		return false;
	while (more) {
		if (!read_value(w, &v))
			return false;
		push(j)->value = v;
		if (!separator(w, ']', &more))
			return false;
	}
	size_t n = j->n - base;
	auto *items = static_cast<struct mr_value *>(mr_arena_alloc(w->arena, n * sizeof(v)));
	for (size_t i = 0; i < n; i++)
		items[i] = j->stack[base + i].value;
	j->n = base;
	*out = {};
	out->type = MR_LIST;
	out->n = static_cast<uint32_t>(n);
	out->items = items;
	return true;
}

bool
read_map(struct walk *w, struct mr_value *out)
{
	struct mr_json *j = w->json;
	size_t base = j->n;
	struct mr_member m;

	if (!descend(w))
		return false;
	bool more = peek(w) != '}';
	if (!more && !separator(w, '}', &more))
		return false;
	while (more) {
		if (!read_key(w, &m.key) || !read_value(w, &m.value))
			return false;
		*push(j) = m;
		if (!separator(w, '}', &more))
			return false;
	}
	size_t n = j->n - base;
	auto *members = static_cast<struct mr_member *>(mr_arena_alloc(w->arena, n * sizeof(m)));
	if (n > 0)
		memcpy(members, j->stack + base, n * sizeof(m));
	j->n = base;
	*out = {};
	out->type = MR_MAP;
	out->n = mr_members_unique(members, static_cast<uint32_t>(n), w->arena);
	out->members = members;
	return true;
}

bool
read_number(struct walk *w, struct mr_value *out)
{
	double d = 0;

	if (w->at == w->end)
		return malformed(w, "a value was expected");
	struct mr_str s = text(w);
	switch (parse_number(s.p, s.p + s.n, &d)) {
	case PARSED:
		*out = mr_num(d);
		w->at++;
		return true;
	case OUT_OF_RANGE:
		return malformed(w, "a number too large for a double");
	default:
		return malformed(w, "not a value");
	}
}

bool
read_word(struct walk *w, struct mr_value *out)
{
	struct mr_str s = text(w);

	if (!is_word(s))
		return malformed(w, "not a value");
	*out = *s.p == 'n' ? mr_absent() : mr_bool(*s.p == 't');
	w->at++;
	return true;
}

// Recursion is bounded by depth_max.
bool
read_value(struct walk *w, struct mr_value *out)
{
	struct mr_str s;

	switch (peek(w)) {
	case '"':
		if (!read_string(w, w->json->string_max, &s))
			return false;
		*out = mr_string(s);
		return true;
	case '{':
		return read_map(w, out);
	case '[':
		return read_list(w, out);
	case 't':
	case 'f':
	case 'n':
		return read_word(w, out);
	default:
		return read_number(w, out);
	}
}

bool project(struct walk *, const struct mr_schema_node *);

// The value of a node's key.
bool
visit(struct walk *w, const struct mr_schema_node *node)
{
	struct mr_value v;

	if (node->field < 0)
		return peek(w) == '{' ? project(w, node) : skip(w);
	if (node->field < MR_FIXED_FIELDS)
		w->out->at[node->field] = static_cast<uint32_t>(position(w));
	if (!read_value(w, &v))
		return false;
	w->out->values[node->field] = v;
	if (node->n > 0)
		mr_fields_project(w->out, node, v);
	return true;
}

// At '{': reads the members that the schema has below `node`, skips the rest. Each key counts once.
bool
project(struct walk *w, const struct mr_schema_node *node)
{
	uint64_t few = 0, *seen = &few;
	struct mr_str key;
	bool more;

	if (node->n > 64)
		seen = static_cast<uint64_t *>(mr_arena_alloc(w->arena, (node->n + 63) / 64 * sizeof(*seen)));
	if (!descend(w))
		return false;
	more = peek(w) != '}';
	if (!more)
		return separator(w, '}', &more);
	while (more) {
		if (!read_key(w, &key))
			return false;
		int32_t i = mr_fields_child(node, key);
		uint64_t bit = UINT64_C(1) << (i & 63);
		bool wanted = i >= 0 && !(seen[i / 64] & bit);
		if (wanted)
			seen[i / 64] |= bit;
		if (!(wanted ? visit(w, node->children[i]) : skip(w)) || !separator(w, '}', &more))
			return false;
	}
	return true;
}

bool
stage1_error(struct mr_decode_error *e, simdjson::error_code code)
{
	if (code == simdjson::UTF8_ERROR)
		return mr_bad(e, MR_BAD_UTF8, 0, "not UTF-8");
	return mr_bad(e, MR_BAD_JSON, 0, simdjson::error_message(code));
}

bool
walk_document(struct walk *w, od::json_iterator &&it)
{
	tokens t(std::move(it));

	w->at = t.first();
	w->end = t.behind();
	if (peek(w) != '{')
		return mr_bad(w->error, MR_BAD_NOT_AN_EVENT, position(w), "an event is an object");
	if (!project(w, &w->json->schema->root))
		return false;
	return w->at == w->end || malformed(w, "something follows the document");
}

}

extern "C" struct mr_json *
mr_json_new(const struct mr_plan *plan)
{
	auto *j = new (std::nothrow) mr_json{};

	MR_ASSERT(j != nullptr);
	MR_ASSERT(plan->depth_max <= MR_DEPTH_MAX);
	j->depth_max = plan->depth_max;
	j->key_max = plan->key_bytes_max;
	j->string_max = plan->string_bytes_max;
	j->schema = plan->schema;
	// All at once, so that no event allocates.
	simdjson::error_code error = j->parser.allocate(plan->record_bytes_max, plan->depth_max);
	MR_ASSERT(error == simdjson::SUCCESS);
	return j;
}

extern "C" void
mr_json_free(struct mr_json *j)
{
	if (j == nullptr)
		return;
	std::free(j->stack);
	delete j;
}

extern "C" bool
mr_json_decode(struct mr_json *j, struct mr_str doc, struct mr_arena *arena, struct mr_fields *out,
    struct mr_decode_error *error)
{
	static_assert(simdjson::SIMDJSON_PADDING <= MR_PADDING, "records have too little room behind");
	struct walk w = {j, doc.p, doc.n, nullptr, nullptr, 0, arena, out, error};
	od::json_iterator it;
	simdjson::padded_string_view view(doc.p, doc.n, doc.n + simdjson::SIMDJSON_PADDING);

	j->n = 0;
	simdjson::error_code code = j->parser.iterate_raw(view).get(it);
	if (code ? stage1_error(error, code) : walk_document(&w, std::move(it)))
		return true;
	mr_json_judge(doc, arena, error);
	return false;
}
