// What an event adds to its session, and how two sessions become one. Nothing here depends on the
// order of arrival, except between events of the same millisecond.
#include "session.h"

static struct mr_str
field_text(const struct mr_event *e, uint32_t field)
{
	return mr_value_str(mr_event_field(e, field));
}

// A page call describes itself in its properties; every call may say it in context.page.
static struct mr_str
page_text(const struct mr_event *e, const uint32_t fields[2])
{
	struct mr_str s = e->type == MR_PAGE ? field_text(e, fields[0]) : (struct mr_str){0};

	return s.n ? s : field_text(e, fields[1]);
}

// Query strings and fragments may carry what nobody wants kept.
static struct mr_str
without_query(struct mr_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '?' || s.p[i] == '#')
			return (struct mr_str){s.p, i};
	return s;
}

static struct mr_str
event_word(const struct mr_event *e)
{
	static const char *const words[] = {"track", "identify", "page", "screen", "group", "alias"};

	return e->name.n ? e->name : mr_str_of(words[e->type]);
}

static void
put_texts(const struct session_hit *h, struct session *s, unsigned first, const struct mr_str *texts, size_t n)
{
	if (!mr_session_put(h->ctx->mem, s, first, texts, n, (size_t)h->conf->text_max))
		mr_count(h->ctx, MR_C_BOUND_CUT);
}

static void
side_texts(const struct session_hit *h, struct mr_str texts[SIDE_TEXTS])
{
	const struct mr_event *e = h->ctx->event;
	const struct session_conf *c = h->conf;

	texts[SIDE_EVENT] = event_word(e);
	texts[SIDE_PATH] = without_query(page_text(e, c->field.path));
	texts[SIDE_TITLE] = page_text(e, c->field.title);
	texts[SIDE_REFERRER] = without_query(page_text(e, c->field.referrer));
}

static void
set_side(const struct session_hit *h, struct session *s, unsigned side)
{
	struct mr_str texts[SIDE_TEXTS];

	side_texts(h, texts);
	put_texts(h, s, side, texts, SIDE_TEXTS);
}

uint64_t
mr_session_campaign(const struct session_conf *c, const struct mr_event *e)
{
	struct mr_str parts[CAMPAIGN_TEXTS];
	char id[33];
	bool any = false;

	for (size_t i = 0; i < CAMPAIGN_TEXTS; i++) {
		parts[i] = field_text(e, c->field.campaign[i]);
		any |= parts[i].n > 0;
	}
	if (!any)
		return 0;
	mr_id(id, parts, CAMPAIGN_TEXTS);
	uint64_t h = mr_hash64((struct mr_str){id, 32});
	return h ? h : 1;
}

static void
add_campaign(struct session *s, const struct session_hit *h)
{
	if (h->campaign == 0)
		return;
	if (s->last_campaign == 0 || h->ms >= s->last_campaign_ms) {
		s->last_campaign = h->campaign;
		s->last_campaign_ms = h->ms;
	}
	if (s->campaign_ms != INT64_MAX && h->ms >= s->campaign_ms)
		return;
	s->campaign_ms = h->ms;
	struct mr_str texts[CAMPAIGN_TEXTS];
	for (size_t i = 0; i < CAMPAIGN_TEXTS; i++)
		texts[i] = field_text(h->ctx->event, h->conf->field.campaign[i]);
	put_texts(h, s, PART_CAMPAIGN, texts, CAMPAIGN_TEXTS);
}

// The device of the first event that names one.
static void
add_device(struct session *s, const struct session_hit *h)
{
	struct mr_str texts[DEVICE_TEXTS];
	bool any = false;

	if (s->has_device && h->ms >= s->device_ms)
		return;
	for (size_t i = 0; i < DEVICE_TEXTS; i++) {
		texts[i] = field_text(h->ctx->event, h->conf->field.device[i]);
		any |= texts[i].n > 0;
	}
	if (!any)
		return;
	s->has_device = true;
	s->device_ms = h->ms;
	put_texts(h, s, PART_DEVICE, texts, DEVICE_TEXTS);
}

static bool
add_revenue(struct mr_mem *mem, struct session *s, const char currency[4], int64_t micros)
{
	size_t i = 0, n;
	struct session_revenue *of = (struct session_revenue *)(uintptr_t)mr_session_revenue(s, &n);

	while (i < n && memcmp(of[i].currency, currency, 4) < 0)
		i++;
	if (i < n && memcmp(of[i].currency, currency, 4) == 0) {
		of[i].micros = mr_micros_add(of[i].micros, micros);
		return true;
	}
	MR_ASSERT(n <= CURRENCIES_MAX);
	if (n == CURRENCIES_MAX)
		return false;
	struct session_revenue new = {.micros = micros};
	memcpy(new.currency, currency, 4);
	memcpy(mr_session_extend(mem, s, PART_REVENUE, i * sizeof(new), sizeof(new)), &new, sizeof(new));
	return true;
}

static void
add_order(struct session *s, const struct session_hit *h)
{
	const struct mr_event *e = h->ctx->event;
	struct mr_value amount = mr_event_field(e, h->conf->field.revenue);
	struct mr_str code = field_text(e, h->conf->field.currency);
	char currency[4] = "XXX";

	s->orders++;
	if (amount.type != MR_NUMBER)
		amount = mr_event_field(e, h->conf->field.total);
	if (amount.type != MR_NUMBER)
		return;
	if (code.n == 3)
		memcpy(currency, code.p, 3);
	if (!add_revenue(h->ctx->mem, s, currency, mr_micros(amount.num)))
		mr_count(h->ctx, MR_C_BOUND_CUT);
}

static bool
add_cart(struct mr_mem *mem, struct session *s, uint64_t cart)
{
	size_t i = 0, n = mr_session_carts(s);
	const uint64_t *carts = (const uint64_t *)(const void *)mr_session_part(s, PART_CARTS).p;

	while (i < n && carts[i] < cart)
		i++;
	if (i < n && carts[i] == cart)
		return true;
	if (n == CARTS_MAX)
		return false;
	memcpy(mr_session_extend(mem, s, PART_CARTS, i * sizeof(cart), sizeof(cart)), &cart, sizeof(cart));
	return true;
}

static void
add_commerce(struct session *s, const struct session_hit *h)
{
	const struct session_conf *c = h->conf;
	const struct mr_event *e = h->ctx->event;

	if (e->name_id == MR_NAME_NONE)
		return;
	if (e->name_id == c->order_completed)
		add_order(s, h);
	else if (e->name_id == c->products_searched)
		s->searches++;
	else if (e->name_id == c->product_added &&
	    !add_cart(h->ctx->mem, s, mr_hash64(field_text(e, c->field.cart))))
		mr_count(h->ctx, MR_C_BOUND_CUT);
}

static size_t
put_number(char *out, int64_t number)
{
	char digits[20];
	size_t n = 0, len;
	uint64_t u = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

	do
		digits[n++] = (char)('0' + u % 10);
	while (u /= 10);
	if (number < 0)
		digits[n++] = '-';
	for (len = 0; n > 0; len++)
		out[len] = digits[--n];
	return len;
}

void
mr_session_start(struct session *s, const struct session_hit *h)
{
	const struct mr_origin *o = &h->ctx->event->origin;
	char *at = mr_arena_alloc(h->ctx->arena, o->topic.n + 42);
	size_t n = o->topic.n;

	if (n)
		memcpy(at, o->topic.p, n);
	at[n++] = '/';
	n += put_number(at + n, o->partition);
	at[n++] = '/';
	n += put_number(at + n, o->offset);
	struct mr_str parts[3] = {h->conf->app, h->ctx->user, {at, n}};
	mr_id(s->id, parts, 3);

	s->open = true;
	s->started_ms = s->ended_ms = h->ms;
	s->first_campaign = h->campaign;
	s->campaign_ms = INT64_MAX;
	if (h->conf->on_midnight) {
		s->day_ms = mr_local_start(h->ctx, MR_CAL_DAY, h->ms);
		s->day_end_ms = mr_local_next(h->ctx, MR_CAL_DAY, h->ms);
	}
	struct mr_str texts[SIDE_TEXTS];
	side_texts(h, texts);
	put_texts(h, s, PART_ENTRY, texts, SIDE_TEXTS);
	put_texts(h, s, PART_EXIT, texts, SIDE_TEXTS);
}

void
mr_session_add(struct session *s, const struct session_hit *h)
{
	const struct mr_event *e = h->ctx->event;

	if (h->ms < s->started_ms) {
		s->started_ms = h->ms;
		s->first_campaign = h->campaign;
		set_side(h, s, PART_ENTRY);
	}
	if (s->events > 0 && h->ms >= s->ended_ms) {
		s->ended_ms = h->ms;
		set_side(h, s, PART_EXIT);
	}
	s->events++;
	s->pages += e->type == MR_PAGE;
	s->screens += e->type == MR_SCREEN;
	s->late += h->late;
	if (s->block.size[PART_ANONYMOUS] == 0 && e->anonymous_id.n)
		(void)mr_session_put(h->ctx->mem, s, PART_ANONYMOUS, &e->anonymous_id, 1, 255);
	add_campaign(s, h);
	add_device(s, h);
	add_commerce(s, h);
	MR_ASSERT(s->started_ms <= h->ms && h->ms <= s->ended_ms);
}

static void
move_texts(struct mr_mem *mem, struct session *to, const struct session *from, unsigned first, size_t n)
{
	struct mr_str texts[PARTS];

	for (size_t i = 0; i < n; i++)
		texts[i] = mr_session_part(from, first + (unsigned)i);
	(void)mr_session_put(mem, to, first, texts, n, UINT16_MAX);
}

static void
merge_described(struct mr_mem *mem, struct session *to, const struct session *from)
{
	move_texts(mem, to, from, PART_EXIT, SIDE_TEXTS);
	if (from->campaign_ms < to->campaign_ms) {
		to->campaign_ms = from->campaign_ms;
		move_texts(mem, to, from, PART_CAMPAIGN, CAMPAIGN_TEXTS);
	}
	if (from->last_campaign && (to->last_campaign == 0 || from->last_campaign_ms >= to->last_campaign_ms)) {
		to->last_campaign = from->last_campaign;
		to->last_campaign_ms = from->last_campaign_ms;
	}
	if (from->has_device && (!to->has_device || from->device_ms < to->device_ms)) {
		to->has_device = true;
		to->device_ms = from->device_ms;
		move_texts(mem, to, from, PART_DEVICE, DEVICE_TEXTS);
	}
	if (to->block.size[PART_ANONYMOUS] == 0)
		move_texts(mem, to, from, PART_ANONYMOUS, 1);
}

static bool
add_replaced(struct mr_mem *mem, struct session *s, const char *id)
{
	size_t n = mr_session_replaced(s);

	if (n == REPLACES_MAX)
		return false;
	memcpy(mr_session_extend(mem, s, PART_REPLACES, n * REPLACED_SIZE, REPLACED_SIZE), id, REPLACED_SIZE);
	return true;
}

static bool
merge_items(struct mr_mem *mem, struct session *to, const struct session *from)
{
	bool whole = add_replaced(mem, to, from->id);
	const char *ids = mr_session_part(from, PART_REPLACES).p;
	const uint64_t *carts = (const uint64_t *)(const void *)mr_session_part(from, PART_CARTS).p;
	size_t n;
	const struct session_revenue *revenue = mr_session_revenue(from, &n);

	for (size_t i = 0; i < mr_session_replaced(from); i++)
		whole &= add_replaced(mem, to, ids + i * REPLACED_SIZE);
	for (size_t i = 0; i < mr_session_carts(from); i++)
		whole &= add_cart(mem, to, carts[i]);
	for (size_t i = 0; i < n; i++)
		whole &= add_revenue(mem, to, revenue[i].currency, revenue[i].micros);
	return whole;
}

void
mr_session_merge(struct mr_ctx *ctx, struct session *to, const struct session *from)
{
	MR_ASSERT(to->started_ms <= from->started_ms && to->ended_ms <= from->started_ms);
	if (!merge_items(ctx->mem, to, from))
		mr_count(ctx, MR_C_BOUND_CUT);
	merge_described(ctx->mem, to, from);
	to->ended_ms = from->ended_ms;
	to->open |= from->open;
	to->announced |= from->announced;
	if (!to->open && from->closed_ms > to->closed_ms)
		to->closed_ms = from->closed_ms;
	to->events += from->events;
	to->pages += from->pages;
	to->screens += from->screens;
	to->late += from->late;
	to->orders += from->orders;
	to->searches += from->searches;
}
