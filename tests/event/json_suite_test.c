// JSONTestSuite through the decoder that production uses: bare, as a field that is read, and as one
// that isn't.
#include "fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define FILES_MAX 400

static const char *const paths[] = {"properties.x", NULL};

struct suite {
	const char *folder;
	char *names[FILES_MAX];
	size_t n;
	struct mr_arena *arena;
	struct fixture f;
};

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static struct suite
suite_new(void)
{
	struct suite s = {.folder = fixture_shared("conformance/JSONTestSuite/test_parsing"),
		.arena = mr_arena_new(64 << 20), .f = fixture_new(paths)};
	DIR *dir = opendir(s.folder);

	cr_assert_not_null(dir);
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		if (e->d_name[0] == '.')
			continue;
		cr_assert_lt(s.n, FILES_MAX);
		s.names[s.n++] = strdup(e->d_name);
	}
	closedir(dir);
	qsort(s.names, s.n, sizeof(s.names[0]), by_name);
	return s;
}

static void
suite_free(struct suite *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->names[i]);
	mr_arena_free(s->arena);
	fixture_free(&s->f);
}

static struct mr_str
content(struct suite *s, size_t number)
{
	char path[1024];

	mr_arena_reset(s->arena);
	snprintf(path, sizeof(path), "%s/%s", s->folder, s->names[number]);
	return fixture_file(s->arena, path);
}

// The file as the value of a field. `before` and `after` are what stands around it.
static bool
embedded(struct suite *s, size_t number, const char *field)
{
	char before[128];
	const char after[] = ",\"y\":1},\"timestamp\":\"2026-03-01T10:00:00Z\"}";
	struct mr_str body = content(s, number);

	snprintf(before, sizeof(before), "{\"type\":\"track\",\"event\":\"E\",\"userId\":\"u\",\"properties\":{\"%s\":", field);
	size_t n = strlen(before);
	char *all = mr_arena_alloc(s->arena, n + body.n + sizeof(after));
	memcpy(all, before, n);
	memcpy(all + n, body.p, body.n);
	memcpy(all + n + body.n, after, sizeof(after) - 1);
	return fixture_decode(&s->f, (struct mr_str){all, n + body.n + sizeof(after) - 1}, "");
}

Test(json_suite, bare_files_have_the_right_reason)
{
	struct suite s = suite_new();
	size_t refused = 0, taken = 0;

	for (size_t i = 0; i < s.n; i++) {
		bool ok = fixture_decode(&s.f, content(&s, i), "");
		cr_expect_not(ok, "%s is an event", s.names[i]);
		enum mr_bad reason = s.f.error.reason;
		if (s.names[i][0] == 'n') {
			refused++;
			cr_expect_eq(reason, MR_BAD_JSON, "%s: %s", s.names[i], mr_bad_reason(reason));
		} else if (s.names[i][0] == 'y') {
			taken++;
			cr_expect_eq(reason, MR_BAD_NOT_AN_EVENT, "%s: %s", s.names[i], mr_bad_reason(reason));
		}
	}
	cr_expect_eq(refused, 188);
	cr_expect_eq(taken, 95);
	suite_free(&s);
}

// The content type says JSON: the first byte has no say.
Test(json_suite, bare_files_have_the_right_reason_with_a_content_type)
{
	struct suite s = suite_new();

	for (size_t i = 0; i < s.n; i++) {
		cr_expect_not(fixture_decode(&s.f, content(&s, i), "application/json; charset=utf-8"));
		enum mr_bad reason = s.f.error.reason;
		cr_expect(s.names[i][0] != 'n' || reason == MR_BAD_JSON, "%s: %s", s.names[i], mr_bad_reason(reason));
		cr_expect(s.names[i][0] != 'y' || reason == MR_BAD_NOT_AN_EVENT, "%s", s.names[i]);
	}
	suite_free(&s);
}

Test(json_suite, a_field_that_is_read_is_checked_whole)
{
	struct suite s = suite_new();

	for (size_t i = 0; i < s.n; i++) {
		bool ok = embedded(&s, i, "x");
		cr_expect(s.names[i][0] != 'n' || !ok, "%s was taken", s.names[i]);
		cr_expect(s.names[i][0] != 'y' || ok, "%s: %s", s.names[i], s.f.error.detail);
	}
	suite_free(&s);
}

static bool
listed(struct mr_str list, const char *name)
{
	const char *p = memmem(list.p, list.n, name, strlen(name));

	return p && (p == list.p || p[-1] == '\n') && p[strlen(name)] == '\n';
}

// What is taken although it is wrong is just what the committed list says, neither more nor less.
Test(json_suite, a_field_that_is_not_read_is_checked_too)
{
	struct suite s = suite_new();
	struct mr_arena *arena = mr_arena_new(1 << 20);
	struct mr_str list = fixture_file(arena, "tests/event/accepted_unread.txt");

	for (size_t i = 0; i < s.n; i++) {
		bool ok = embedded(&s, i, "unread");
		if (s.names[i][0] == 'y')
			cr_expect(ok, "%s: %s", s.names[i], s.f.error.detail);
		else
			cr_expect_eq(ok, listed(list, s.names[i]), "%s was %s", s.names[i], ok ? "taken" : "refused");
	}
	mr_arena_free(arena);
	suite_free(&s);
}

// Whatever stands in the unread field, the fields around it are their own or the event is refused.
Test(json_suite, an_unread_field_moves_nothing)
{
	struct suite s = suite_new();

	for (size_t i = 0; i < s.n; i++) {
		if (!embedded(&s, i, "unread"))
			continue;
		cr_expect(mr_str_eq(s.f.event.user, MR_LIT("u")), "%s", s.names[i]);
		cr_expect_eq(s.f.event.time_ms, 1772359200000, "%s", s.names[i]);
		cr_expect_eq(fixture_field(&s.f, "properties.x").type, MR_ABSENT, "%s", s.names[i]);
	}
	suite_free(&s);
}
