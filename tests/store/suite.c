#include "suite.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define OK(call) cr_assert_eq((call), MR_STORE_OK)
#define IS(status, call) cr_assert_eq((call), (status))

struct mr_page
page_of(const char *user, const char *bytes, uint64_t stamp, int64_t due_ms)
{
	return (struct mr_page){.user = mr_str_of(user), .bytes = mr_str_of(bytes), .stamp = stamp, .due_ms = due_ms};
}

struct mr_page
tomb_of(const char *user, uint64_t stamp)
{
	return (struct mr_page){.user = mr_str_of(user), .stamp = stamp, .due_ms = INT64_MAX, .tombstone = true};
}

static struct mr_store *
taken(struct backend *b, uint64_t epoch)
{
	struct mr_store *st = b->open(b);
	struct mr_store_meta meta;

	OK(st->ops->take(st, 3, epoch, &meta));
	return st;
}

static struct mr_page
read_one(struct mr_store *st, uint64_t epoch, uint64_t w, const char *user)
{
	struct mr_str u = mr_str_of(user);
	struct mr_page page;

	OK(st->ops->read_send(st, 3, epoch, w, &u, 1));
	OK(st->ops->read_wait(st, &page, 1));
	cr_assert(mr_str_eq(page.user, u));
	return page;
}

static enum mr_store_status
read_status(struct mr_store *st, uint64_t epoch, uint64_t w)
{
	struct mr_str u = MR_LIT("a");
	struct mr_page page;
	enum mr_store_status status = st->ops->read_send(st, 3, epoch, w, &u, 1);

	return status == MR_STORE_OK ? st->ops->read_wait(st, &page, 1) : status;
}

static void
bytes_are(struct mr_page page, const char *bytes)
{
	cr_assert(mr_str_eq(page.bytes, mr_str_of(bytes)), "%.*s is not %s", (int)page.bytes.n, page.bytes.p, bytes);
}

void
store_suite_new_task_is_zero(struct backend *b)
{
	struct mr_store *st = b->open(b);
	struct mr_store_meta meta = {.epoch = 9};

	OK(st->ops->take(st, 3, 1, &meta));
	cr_assert(meta.epoch == 0 && meta.w == 0 && meta.seq == 0 && meta.cluster_id.n == 0 && meta.build.n == 0);
	struct mr_page page = read_one(st, 1, 0, "nobody");
	cr_assert(page.bytes.n == 0 && !page.tombstone && page.stamp == 0 && page.due_ms == INT64_MAX);
	mr_store_close(st);
}

void
store_suite_write_then_read(struct backend *b)
{
	struct mr_store *st = taken(b, 1);
	struct mr_page pages[] = {page_of("a", "\x81""one", 5, 1000), page_of("b", "\x81two", 6, INT64_MAX)};

	OK(mr_store_write(st, 3, 1, 1, pages, 2, 4));
	struct mr_page got = read_one(st, 1, 1, "a");
	bytes_are(got, "\x81""one");
	cr_assert(got.due_ms == 1000 && !got.tombstone && got.stamp == 0);
	bytes_are(read_one(st, 1, 1, "b"), "\x81two");
	cr_assert_eq(read_one(st, 1, 1, "b").due_ms, INT64_MAX);
	pages[0] = page_of("a", "\x81three", 9, INT64_MAX);
	OK(mr_store_write(st, 3, 1, 2, pages, 1, 8));
	bytes_are(read_one(st, 1, 2, "a"), "\x81three");
	cr_assert_eq(read_one(st, 1, 2, "a").due_ms, INT64_MAX);
	mr_store_close(st);
}

void
store_suite_meta_survives_handles(struct backend *b)
{
	struct mr_store *st = taken(b, 7);
	struct mr_page page = page_of("a", "\x81x", 12, INT64_MAX);
	struct mr_store_meta meta;

	OK(mr_store_write(st, 3, 7, 1, &page, 1, 11));
	OK(st->ops->set_cluster(st, 3, 7, MR_LIT("cluster-1")));
	OK(st->ops->set_build(st, 3, 7, MR_LIT("2 abcdef")));
	mr_store_close(st);
	st = b->open(b);
	OK(st->ops->take(st, 3, 8, &meta));
	cr_assert(meta.epoch == 7 && meta.w == 1 && meta.seq == 11);
	cr_assert(mr_str_eq(meta.cluster_id, MR_LIT("cluster-1")));
	cr_assert(mr_str_eq(meta.build, MR_LIT("2 abcdef")));
	bytes_are(read_one(st, 8, 1, "a"), "\x81x");
	mr_store_close(st);
}

void
store_suite_higher_epoch_fences(struct backend *b)
{
	struct mr_store *zombie = taken(b, 1), *owner = taken(b, 2);
	struct mr_page page = page_of("a", "\x81old", 5, INT64_MAX);
	struct mr_due due;
	uint64_t w;
	size_t n;

	IS(MR_STORE_FENCED, mr_store_write(zombie, 3, 1, 1, &page, 1, 4));
	cr_assert_neq(zombie->error[0], '\0');
	IS(MR_STORE_FENCED, read_status(zombie, 1, 0));
	IS(MR_STORE_FENCED, zombie->ops->due(zombie, 3, 1, 0, INT64_MIN, INT64_MAX, &due, 1, &n));
	IS(MR_STORE_FENCED, zombie->ops->position(zombie, 3, 1, &w));
	IS(MR_STORE_FENCED, zombie->ops->set_cluster(zombie, 3, 1, MR_LIT("c")));
	IS(MR_STORE_FENCED, zombie->ops->set_build(zombie, 3, 1, MR_LIT("c")));
	cr_assert_eq(read_one(owner, 2, 0, "a").bytes.n, 0);
	OK(owner->ops->position(owner, 3, 2, &w));
	cr_assert_eq(w, 0);
	mr_store_close(zombie);
	mr_store_close(owner);
}

void
store_suite_lower_epoch_is_refused(struct backend *b)
{
	struct mr_store *st = taken(b, 5);
	struct mr_store_meta meta;

	IS(MR_STORE_FENCED, st->ops->take(st, 3, 4, &meta));
	cr_assert(meta.epoch == 5 && meta.w == 0);
	OK(st->ops->take(st, 3, 6, &meta));
	cr_assert_eq(meta.epoch, 5);
	mr_store_close(st);
}

void
store_suite_same_epoch_is_a_restart(struct backend *b)
{
	struct mr_store *st = taken(b, 5);
	struct mr_store_meta meta;
	struct mr_page page = page_of("a", "\x81x", 1, INT64_MAX);

	OK(mr_store_write(st, 3, 5, 1, &page, 1, 1));
	OK(st->ops->take(st, 3, 5, &meta));
	cr_assert(meta.epoch == 5 && meta.w == 1 && meta.seq == 1);
	OK(mr_store_write(st, 3, 5, 2, &page, 1, 2));
	mr_store_close(st);
}

void
store_suite_chunk_must_be_next(struct backend *b)
{
	struct mr_store *st = taken(b, 1);
	struct mr_page page = page_of("a", "\x81x", 1, INT64_MAX), other = page_of("a", "\x81y", 2, INT64_MAX);
	uint64_t w;

	OK(mr_store_write(st, 3, 1, 1, &page, 1, 1));
	IS(MR_STORE_BEHIND, mr_store_write(st, 3, 1, 3, &other, 1, 2));
	IS(MR_STORE_FENCED, mr_store_write(st, 3, 1, 1, &other, 1, 2));
	bytes_are(read_one(st, 1, 1, "a"), "\x81x");
	OK(st->ops->position(st, 3, 1, &w));
	cr_assert_eq(w, 1);
	mr_store_close(st);
}

void
store_suite_read_is_fenced(struct backend *b)
{
	struct mr_store *st = taken(b, 1);
	struct mr_page page = page_of("a", "\x81x", 1, INT64_MAX);

	OK(mr_store_write(st, 3, 1, 1, &page, 1, 1));
	IS(MR_STORE_OK, read_status(st, 1, 1));
	IS(MR_STORE_FENCED, read_status(st, 1, 0));
	IS(MR_STORE_BEHIND, read_status(st, 1, 2));
	mr_store_close(st);
}

// The store went back in time: it knows an older epoch, or fewer chunks, than we do.
void
store_suite_store_behind_is_noticed(struct backend *b)
{
	struct mr_store *st = taken(b, 1);
	struct mr_page page = page_of("a", "\x81x", 1, INT64_MAX);
	struct mr_due due;
	uint64_t w;
	size_t n;

	IS(MR_STORE_BEHIND, read_status(st, 2, 0));
	IS(MR_STORE_BEHIND, mr_store_write(st, 3, 2, 1, &page, 1, 1));
	IS(MR_STORE_BEHIND, st->ops->due(st, 3, 1, 4, INT64_MIN, 0, &due, 1, &n));
	IS(MR_STORE_BEHIND, st->ops->position(st, 3, 2, &w));
	IS(MR_STORE_BEHIND, st->ops->set_cluster(st, 3, 2, MR_LIT("c")));
	mr_store_close(st);
}

void
store_suite_due_in_order(struct backend *b)
{
	struct mr_store *st = taken(b, 1);
	struct mr_page pages[] = {page_of("b", "\x81x", 1, 500), page_of("a", "\x81x", 1, 500), page_of("ab", "\x81x", 1, 500),
	    page_of("c", "\x81x", 1, 400), page_of("d", "\x81x", 1, -7), page_of("\xff", "\x81x", 1, 500), page_of("e", "\x81x", 1, 501)};
	static const char *const want[] = {"d", "c", "a", "ab", "b", "\xff"};
	struct mr_due due[10];
	size_t n;

	OK(mr_store_write(st, 3, 1, 1, pages, 7, 1));
	OK(st->ops->due(st, 3, 1, 1, INT64_MIN, 500, due, 10, &n));
	cr_assert_eq(n, 6);
	for (size_t i = 0; i < n; i++)
		cr_assert(mr_str_eq(due[i].user, mr_str_of(want[i])), "%zu", i);
	cr_assert(due[0].due_ms == -7 && due[1].due_ms == 400 && due[5].due_ms == 500);
	OK(st->ops->due(st, 3, 1, 1, 400, 500, due, 10, &n));
	cr_assert(n == 5 && mr_str_eq(due[0].user, MR_LIT("c")));
	OK(st->ops->due(st, 3, 1, 1, 401, INT64_MAX, due, 10, &n));
	cr_assert(n == 5 && mr_str_eq(due[0].user, MR_LIT("a")) && mr_str_eq(due[4].user, MR_LIT("e")));
	OK(st->ops->due(st, 3, 1, 1, 502, INT64_MAX, due, 10, &n));
	cr_assert_eq(n, 0);
	mr_store_close(st);
}

void
store_suite_due_bounded_and_moved(struct backend *b)
{
	struct mr_store *st = taken(b, 1);
	struct mr_page pages[] = {page_of("a", "\x81x", 1, 1772359200123), page_of("b", "\x81x", 1, 20), page_of("c", "\x81x", 1, 30)};
	struct mr_due due[2];
	size_t n;

	OK(mr_store_write(st, 3, 1, 1, pages, 3, 1));
	OK(st->ops->due(st, 3, 1, 1, INT64_MIN, INT64_MAX, due, 2, &n));
	cr_assert(n == 2 && due[0].due_ms == 20 && due[1].due_ms == 30);
	OK(st->ops->due(st, 3, 1, 1, INT64_MIN, 19, due, 2, &n));
	cr_assert_eq(n, 0);
	struct mr_page moved[] = {page_of("b", "\x81x", 2, 1772359200124), page_of("c", "\x81x", 2, INT64_MAX)};
	OK(mr_store_write(st, 3, 1, 2, moved, 2, 2));
	OK(st->ops->due(st, 3, 1, 2, INT64_MIN, INT64_MAX, due, 2, &n));
	cr_assert(n == 2 && mr_str_eq(due[0].user, MR_LIT("a")) && due[0].due_ms == 1772359200123);
	cr_assert(mr_str_eq(due[1].user, MR_LIT("b")) && due[1].due_ms == 1772359200124);
	OK(st->ops->due(st, 3, 1, 2, INT64_MIN, INT64_MIN, due, 2, &n));
	cr_assert_eq(n, 0);
	mr_store_close(st);
}

void
store_suite_ten_thousand_due(struct backend *b)
{
	enum { N = 10000 };
	static char names[N][16];
	static struct mr_due due[N];
	struct mr_store *st = taken(b, 1);
	struct mr_page pages[MR_CHUNK_MAX];
	uint64_t w = 0;
	size_t n = 0, got;

	for (int i = 0; i < N; i++) {
		int k = (int)((uint64_t)i * 7919 % N);
		snprintf(names[i], sizeof(names[i]), "user-%d", k);
		pages[n++] = page_of(names[i], "\x81x", 1, k / 10);
		if (n == MR_CHUNK_MAX || i == N - 1) {
			OK(mr_store_write(st, 3, 1, ++w, pages, n, 1));
			n = 0;
		}
	}
	OK(st->ops->due(st, 3, 1, w, INT64_MIN, INT64_MAX, due, N, &got));
	cr_assert_eq(got, N);
	for (int i = 1; i < N; i++)
		cr_assert(due[i - 1].due_ms < due[i].due_ms
		    || (due[i - 1].due_ms == due[i].due_ms && mr_str_cmp(due[i - 1].user, due[i].user) < 0));
	mr_store_close(st);
}

void
store_suite_tombstones_go_when_passed(struct backend *b)
{
	struct mr_store *st = taken(b, 1);
	struct mr_page alive[] = {page_of("a", "\x81x", 5, 100), page_of("b", "\x81x", 5, 100)};
	struct mr_page dead[] = {tomb_of("a", 10), tomb_of("never", 12)};
	struct mr_due due[4];
	size_t n;

	OK(mr_store_write(st, 3, 1, 1, alive, 2, 4));
	OK(mr_store_write(st, 3, 1, 2, dead, 2, 9));
	struct mr_page got = read_one(st, 1, 2, "a");
	cr_assert(got.tombstone && got.stamp == 10 && got.bytes.n == 0 && got.due_ms == INT64_MAX);
	cr_assert_eq(read_one(st, 1, 2, "never").stamp, 12);
	OK(st->ops->due(st, 3, 1, 2, INT64_MIN, INT64_MAX, due, 4, &n));
	cr_assert(n == 1 && mr_str_eq(due[0].user, MR_LIT("b")));
	OK(mr_store_write(st, 3, 1, 3, NULL, 0, 11));
	cr_assert(!read_one(st, 1, 3, "a").tombstone);
	cr_assert(read_one(st, 1, 3, "never").tombstone);
	OK(mr_store_write(st, 3, 1, 4, NULL, 0, 12));
	cr_assert(!read_one(st, 1, 4, "never").tombstone);
	bytes_are(read_one(st, 1, 4, "b"), "\x81x");
	mr_store_close(st);
}

void
store_suite_tombstone_then_alive(struct backend *b)
{
	struct mr_store *st = taken(b, 1);
	struct mr_page pages[] = {tomb_of("a", 10), tomb_of("b", 10), page_of("a", "\x81x", 11, INT64_MAX), tomb_of("c", 3)};

	OK(mr_store_write(st, 3, 1, 1, pages, 2, 5));
	OK(mr_store_write(st, 3, 1, 2, pages + 2, 2, 5));
	cr_assert(!read_one(st, 1, 2, "a").tombstone);
	cr_assert(!read_one(st, 1, 2, "c").tombstone, "its stamp was passed already");
	OK(mr_store_write(st, 3, 1, 3, NULL, 0, 20));
	bytes_are(read_one(st, 1, 3, "a"), "\x81x");
	cr_assert(!read_one(st, 1, 3, "b").tombstone);
	// and dead once more, with a later stamp
	pages[0] = tomb_of("a", 30);
	OK(mr_store_write(st, 3, 1, 4, pages, 1, 21));
	cr_assert_eq(read_one(st, 1, 4, "a").stamp, 30);
	OK(mr_store_write(st, 3, 1, 5, NULL, 0, 30));
	cr_assert(!read_one(st, 1, 5, "a").tombstone);
	mr_store_close(st);
}

void
store_suite_odd_user_ids(struct backend *b)
{
	static const char zero[] = {'n', 0, 'l'}, value[] = {(char)0x81, 0, '\r', '\n', (char)0xff};
	struct mr_str users[] = {MR_LIT("}"), MR_LIT("{x}"), MR_LIT("a b\r\n"), {zero, 3}, MR_LIT("\xff\xfe"), MR_LIT(""),
	    MR_LIT("%s:*"), MR_LIT("u:meta")};
	enum { N = sizeof(users) / sizeof(users[0]) };
	struct mr_store *st = taken(b, 1);
	struct mr_page pages[N], got[N];
	struct mr_due due[N];
	size_t n;

	for (int i = 0; i < N; i++)
		pages[i] = (struct mr_page){.user = users[i], .bytes = {value, (size_t)i % 5 + 1}, .stamp = 1, .due_ms = i};
	OK(mr_store_write(st, 3, 1, 1, pages, N, 1));
	OK(st->ops->read_send(st, 3, 1, 1, users, N));
	OK(st->ops->read_wait(st, got, N));
	for (int i = 0; i < N; i++)
		cr_assert(mr_str_eq(got[i].bytes, pages[i].bytes) && got[i].due_ms == i, "%d", i);
	OK(st->ops->due(st, 3, 1, 1, INT64_MIN, INT64_MAX, due, N, &n));
	cr_assert_eq(n, N);
	for (int i = 0; i < N; i++)
		cr_assert(mr_str_eq(due[i].user, users[i]), "%d", i);
	mr_store_close(st);
}

void
store_suite_empty_chunk_moves_meta(struct backend *b)
{
	struct mr_store *st = taken(b, 1);
	struct mr_store_meta meta;

	OK(mr_store_write(st, 3, 1, 1, NULL, 0, 4000000000000));
	OK(st->ops->take(st, 3, 1, &meta));
	cr_assert(meta.w == 1 && meta.seq == 4000000000000);
	mr_store_close(st);
}

void
store_suite_meta_seq_never_back(struct backend *b)
{
	struct mr_store *st = taken(b, 1);
	struct mr_store_meta meta;

	OK(mr_store_write(st, 3, 1, 1, NULL, 0, 100));
	OK(mr_store_write(st, 3, 1, 2, NULL, 0, 99));
	OK(st->ops->take(st, 3, 1, &meta));
	cr_assert(meta.w == 2 && meta.seq == 100);
	mr_store_close(st);
}

void
store_suite_partitions_are_apart(struct backend *b)
{
	struct mr_store *st = taken(b, 4);
	struct mr_store_meta meta;
	struct mr_page page = page_of("a", "\x81x", 1, 10), got;
	struct mr_due due;
	size_t n;

	OK(mr_store_write(st, 3, 4, 1, &page, 1, 1));
	OK(st->ops->take(st, 11, 1, &meta));
	cr_assert_eq(meta.epoch, 0);
	OK(st->ops->read_send(st, 11, 1, 0, &page.user, 1));
	OK(st->ops->read_wait(st, &got, 1));
	cr_assert_eq(got.bytes.n, 0);
	OK(st->ops->due(st, 11, 1, 0, INT64_MIN, INT64_MAX, &due, 1, &n));
	cr_assert_eq(n, 0);
	bytes_are(read_one(st, 4, 1, "a"), "\x81x");
	mr_store_close(st);
}

void
store_suite_large_batch(struct backend *b)
{
	enum { N = 3000 };
	static char names[N][16], values[N][400];
	static struct mr_str users[N];
	static struct mr_page got[N];
	struct mr_store *st = taken(b, 1);
	uint64_t w = 0;

	for (size_t i = 0, n = 0; i < N; i++) {
		static struct mr_page pages[MR_CHUNK_MAX];
		snprintf(names[i], sizeof(names[i]), "u%zu", i);
		memset(values[i], 'a' + (int)(i % 26), sizeof(values[i]));
		users[i] = mr_str_of(names[i]);
		pages[n++] = (struct mr_page){.user = users[i], .bytes = {values[i], 1 + i % 400}, .stamp = i, .due_ms = INT64_MAX};
		if (n == MR_CHUNK_MAX || i == N - 1) {
			OK(mr_store_write(st, 3, 1, ++w, pages, n, i));
			n = 0;
		}
	}
	OK(st->ops->read_send(st, 3, 1, w, users, N));
	OK(st->ops->read_wait(st, got, N));
	for (size_t i = 0; i < N; i++)
		cr_assert(mr_str_eq(got[i].bytes, (struct mr_str){values[i], 1 + i % 400}), "%zu", i);
	OK(st->ops->read_send(st, 3, 1, w, users, 0));
	OK(st->ops->read_wait(st, got, 0));
	mr_store_close(st);
}

// 64 pages with timers and tombstones in one call.
void
store_suite_full_chunk_is_whole(struct backend *b)
{
	static char names[MR_CHUNK_MAX][16];
	struct mr_page pages[MR_CHUNK_MAX];
	struct mr_store *st = taken(b, 1);
	struct mr_due due[MR_CHUNK_MAX];
	size_t n;

	for (int i = 0; i < MR_CHUNK_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "u%02d", i);
		pages[i] = i % 2 ? tomb_of(names[i], 50 + (uint64_t)i) : page_of(names[i], "\x81x", 50, 7);
	}
	OK(mr_store_write(st, 3, 1, 1, pages, MR_CHUNK_MAX, 40));
	for (int i = 0; i < MR_CHUNK_MAX; i++) {
		struct mr_page got = read_one(st, 1, 1, names[i]);
		cr_assert(i % 2 ? got.tombstone && got.stamp == 50 + (uint64_t)i : got.bytes.n == 2 && got.due_ms == 7, "%d", i);
	}
	OK(st->ops->due(st, 3, 1, 1, INT64_MIN, 7, due, MR_CHUNK_MAX, &n));
	cr_assert_eq(n, MR_CHUNK_MAX / 2);
	mr_store_close(st);
}

void
store_suite_last_of_a_repeated_user(struct backend *b)
{
	struct mr_store *st = taken(b, 1);
	struct mr_page pages[] = {page_of("a", "\x81x", 1, 5), tomb_of("a", 2), page_of("a", "\x81y", 3, 6)};
	struct mr_due due[2];
	size_t n;

	OK(mr_store_write(st, 3, 1, 1, pages, 3, 1));
	bytes_are(read_one(st, 1, 1, "a"), "\x81y");
	OK(st->ops->due(st, 3, 1, 1, INT64_MIN, INT64_MAX, due, 2, &n));
	cr_assert(n == 1 && due[0].due_ms == 6);
	OK(mr_store_write(st, 3, 1, 2, NULL, 0, 100));
	bytes_are(read_one(st, 1, 2, "a"), "\x81y");
	mr_store_close(st);
}
