// Loads the machine's time zones: every regular file of the zone database that begins with "TZif".
#include "config/internal.h"
#include "expr/zone.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define ZONE_DIR "/usr/share/zoneinfo"
#define ZONE_BYTES_MAX (64u * 1024)
#define ZONE_DEPTH_MAX 4
#define ZONES_MAX 4096

struct zone_file {
	struct mr_str name, bytes;
};

struct zone_list {
	struct mr_setup *s;
	struct zone_file *items;
	size_t n, cap;
	struct mr_str wrong;        // where not empty: only the name nearest to it is looked for
	const char *nearest;
	unsigned distance;
};

// A name that can't leave the folder: words of letters, digits, '_', '-', '+', joined by '/'.
static bool
legal_name(const char *name)
{
	bool start = true;

	if (*name == '\0')
		return false;
	for (; *name; name++) {
		bool letter = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z');
		bool other = (*name >= '0' && *name <= '9') || *name == '_' || *name == '-' || *name == '+';
		if (!letter && (start || (!other && *name != '/')))
			return false;
		start = *name == '/';
	}
	return !start;
}

bool
mr_zone_exists(struct mr_str name)
{
	char path[256];
	struct stat st;

	if (mr_str_eq(name, MR_LIT("UTC")))
		return true;
	if (name.n == 0 || name.n > 128 || memchr(name.p, '\0', name.n))
		return false;
	int at = snprintf(path, sizeof(path), "%s/", ZONE_DIR);
	snprintf(path + at, sizeof(path) - (size_t)at, "%.*s", (int)name.n, name.p);
	return legal_name(path + at) && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static void
add_file(struct zone_list *list, const char *path, const char *name)
{
	struct stat st;
	FILE *in = fopen(path, "rbe");

	if (in == NULL)
		return;
	if (fstat(fileno(in), &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 4 && st.st_size <= ZONE_BYTES_MAX &&
	    list->n < ZONES_MAX) {
		char *bytes = mr_arena_alloc(list->s->arena, (size_t)st.st_size);
		size_t n = fread(bytes, 1, (size_t)st.st_size, in);
		if (n == (size_t)st.st_size && memcmp(bytes, "TZif", 4) == 0) {
			if (list->n == list->cap) {
				list->cap = list->cap ? list->cap * 2 : 1024;
				list->items = realloc(list->items, list->cap * sizeof(*list->items));
				MR_ASSERT(list->items != NULL);
			}
			list->items[list->n++] = (struct zone_file){mr_arena_copy(list->s->arena, mr_str_of(name)), {bytes, n}};
		}
	}
	fclose(in);
}

// posix/ and right/ repeat every zone (the latter with leap seconds).
static void
walk(struct zone_list *list, const char *dir, const char *prefix, int depth)
{
	DIR *d = depth < ZONE_DEPTH_MAX ? opendir(dir) : NULL;
	struct dirent *entry;
	struct stat st;

	if (d == NULL)
		return;
	while ((entry = readdir(d)) != NULL) {
		char name[256], path[512];
		int n = snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? "/" : "", entry->d_name);
		if (n >= (int)sizeof(name) || !legal_name(name) || strcmp(name, "posix") == 0 || strcmp(name, "right") == 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", ZONE_DIR, name);
		if (stat(path, &st) != 0)
			continue;
		if (S_ISDIR(st.st_mode))
			walk(list, path, name, depth + 1);
		else if (S_ISREG(st.st_mode) && list->wrong.n == 0)
			add_file(list, path, name);
		else if (mr_near(list->wrong, mr_str_of(name), &list->distance))
			list->nearest = mr_setup_cstr(list->s, mr_str_of(name));
	}
	closedir(d);
}

const char *
mr_zone_suggest(struct mr_setup *s, struct mr_str wrong)
{
	struct zone_list list = {.s = s, .wrong = wrong, .distance = UINT32_MAX};

	if (wrong.n)
		walk(&list, ZONE_DIR, "", 0);
	return list.nearest ? list.nearest : "Europe/London";
}

static int
by_name(const void *a, const void *b)
{
	return mr_str_cmp(((const struct zone_file *)a)->name, ((const struct zone_file *)b)->name);
}

void
mr_zones_load(struct mr_setup *s)
{
	struct zone_list list = {.s = s};
	struct mr_arena_mark mark = mr_arena_mark(s->arena);

	s->zones = mr_zones_new();
	walk(&list, ZONE_DIR, "", 0);
	if (list.n)
		qsort(list.items, list.n, sizeof(*list.items), by_name);   // names differ: no ties
	struct mr_str *parts = calloc(list.n * 2 + 1, sizeof(*parts));
	MR_ASSERT(parts != NULL);
	for (size_t i = 0; i < list.n; i++) {
		parts[2 * i] = list.items[i].name;
		parts[2 * i + 1] = list.items[i].bytes;
		if (!mr_zones_add(s->zones, list.items[i].name, list.items[i].bytes))
			mr_setup_warn(s, NULL, "%s/%.*s: not a readable zone file; that zone is left out", ZONE_DIR,
			    (int)list.items[i].name.n, list.items[i].name.p);
	}
	mr_zones_freeze(s->zones);
	MR_ASSERT(mr_zones_find(s->zones, MR_LIT("UTC")) >= 0);
	mr_id(s->zones_hash, parts, list.n * 2);
	free(parts);
	free(list.items);
	mr_arena_rewind(s->arena, mark);
}
