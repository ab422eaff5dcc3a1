// Regular expressions for matches(): PCRE2 held to RE2's syntax and to a bound on its work.
#include "core/arena.h"
#include "expr/program.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define PATTERN_MAX 1024
#define STEPS_MAX 20000     // of the matcher, for one text; then the result is unknown
#define HEAP_KIB 256
#define STEPS_PER_COST 4    // what a match that gave up costs

// What may follow "(?": a name, flags, or no capture. Look-around, conditions and calls may not.
static bool
group_allowed(struct mr_str s, size_t i)
{
	if (i < s.n && s.p[i] == 'P')
		return i + 1 < s.n && s.p[i + 1] == '<';
	if (i < s.n && s.p[i] == '<')
		return i + 1 < s.n && s.p[i + 1] != '=' && s.p[i + 1] != '!';
	while (i < s.n && strchr("ims-", s.p[i]) && s.p[i])
		i++;
	return i < s.n && (s.p[i] == ':' || s.p[i] == ')');
}

static bool
escape_allowed(char c)
{
	bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

	return !letter || (c && strchr("dDwWsSbBAztnrfaxpPQE", c));
}

// Syntax that PCRE2 has and RE2 has not.
static const char *
foreign(struct mr_str s, size_t *at)
{
	bool class = false, quantified = false;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool was = quantified;
		*at = i;
		quantified = false;
		if (c == '\\') {
			if (i + 1 < s.n && !escape_allowed(s.p[i + 1]))
				return "this escape is none of RE2's";
			i++;
		} else if (class) {
			class = c != ']';
		} else if (c == '[') {
			class = true;
			i += i + 1 < s.n && s.p[i + 1] == '^';
			i += i + 1 < s.n && s.p[i + 1] == ']';
		} else if (c == '(' && i + 1 < s.n && s.p[i + 1] == '?') {
			if (!group_allowed(s, i + 2))
				return "there is no look-around, and none of what else begins with this";
			i++;
		} else if (c == '(' && i + 1 < s.n && s.p[i + 1] == '*') {
			return "verbs are not allowed";
		} else if (c == '+' && was) {
			return "possessive quantifiers are not allowed";
		} else {
			quantified = c == '*' || c == '+' || c == '?' || c == '}';
		}
	}
	return NULL;
}

void *
expr_regex_new(struct mr_str pattern, const char **why, size_t *at)
{
	int error;
	PCRE2_SIZE where = 0;

	MR_ASSERT(pattern.p != NULL || pattern.n == 0);
	*at = 0;
	*why = "it is longer than 1024 bytes";
	if (pattern.n > PATTERN_MAX)
		return NULL;
	*why = foreign(pattern, at);
	if (*why)
		return NULL;
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)(pattern.n ? pattern.p : ""), pattern.n,
	    PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C, &error, &where, NULL);
	*at = where;
	*why = "its brackets, quantifiers or escapes are wrong";
	return code;
}

void
expr_regex_free(void *regex)
{
	pcre2_code_free(regex);
}

// NULL at the arena's bound: its red zone is the same for all, and the matcher needs its pieces apart.
static void *
arena_malloc(size_t size, void *arena)
{
	void *p = mr_arena_alloc(arena, size);

	return mr_arena_overflowed(arena) ? NULL : p;
}

static void
arena_free(void *p, void *arena)
{
	(void)p;
	(void)arena;
}

static int
match(const void *regex, struct mr_value text, struct mr_arena *arena)
{
	pcre2_general_context *memory = pcre2_general_context_create(arena_malloc, arena_free, arena);
	pcre2_match_context *limits = memory ? pcre2_match_context_create(memory) : NULL;
	pcre2_match_data *data = limits ? pcre2_match_data_create(1, memory) : NULL;

	if (data == NULL)
		return PCRE2_ERROR_NOMEMORY;
	pcre2_set_match_limit(limits, STEPS_MAX);
	pcre2_set_heap_limit(limits, HEAP_KIB);
	return pcre2_match(regex, (PCRE2_SPTR)(text.n ? text.str : ""), text.n, 0, 0, data, limits);
}

// The matcher's memory is the arena's, given back at once. It keeps none of the text.
struct mr_value
expr_regex_match(struct mr_env *env, const void *regex, struct mr_value text)
{
	MR_ASSERT(regex != NULL);
	if (text.type != MR_STRING || !expr_charge(env, 16 + text.n / 8))
		return expr_unknown();
	struct mr_arena_mark mark = mr_arena_mark(env->arena);
	int found = match(regex, text, env->arena);
	mr_arena_rewind(env->arena, mark);
	if (found >= 0 || found == PCRE2_ERROR_NOMATCH)
		return mr_bool(found >= 0);
	// Either gave up, or the arena is at its bound: then nothing more is computed.
	expr_charge(env, mr_arena_overflowed(env->arena) ? SIZE_MAX : STEPS_MAX / STEPS_PER_COST);
	return expr_unknown();
}
