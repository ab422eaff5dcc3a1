#include "generate/write.h"

#include <inttypes.h>
#include <stdio.h>

static struct mr_str
str(const char *s)
{
	return mr_str_of(s);
}

static void
write_id(struct mr_writer *w, struct mr_str key, const char *prefix, uint64_t number)
{
	char text[40];
	int n = snprintf(text, sizeof(text), "%s%" PRIu64, prefix, number);

	MR_ASSERT(n > 0 && (size_t)n < sizeof(text));
	mr_write_key(w, key);
	mr_write_str(w, (struct mr_str){text, (size_t)n});
}

static struct mr_str
user_id(char out[MR_SHOP_ID_BYTES], uint32_t user)
{
	return (struct mr_str){out, (size_t)snprintf(out, MR_SHOP_ID_BYTES, "u%07" PRIu32, user)};
}

static struct mr_str
hex_id(char out[MR_SHOP_ID_BYTES], const char *prefix, uint64_t number)
{
	return (struct mr_str){out, (size_t)snprintf(out, MR_SHOP_ID_BYTES, "%s%016" PRIx64, prefix, number)};
}

size_t
mr_shop_key(char out[MR_SHOP_ID_BYTES], const struct mr_visit *v)
{
	return v->anonymous ? hex_id(out, "a-", v->who.id).n : user_id(out, v->user).n;
}

static double
money(uint64_t cents)
{
	return (double)cents / 100;
}

static uint64_t
cart_cents(const struct mr_cart *cart)
{
	uint64_t sum = 0;

	for (int i = 0; i < cart->n; i++)
		sum += (uint64_t)mr_product_of(cart->product[i]).price_cents * cart->quantity[i];
	return sum;
}

#define PRODUCT_FIELDS 8

static void
write_product_fields(struct mr_writer *w, uint32_t number, uint32_t quantity)
{
	struct mr_product p = mr_product_of(number);
	char name[64];
	int n = snprintf(name, sizeof(name), "%s %s %s", p.brand, p.adjective, p.kind);

	write_id(w, MR_LIT("product_id"), "p-", number);
	write_id(w, MR_LIT("sku"), "SKU-", 100000 + number);
	MR_W_STR(w, "category", str(p.category));
	mr_write_key(w, MR_LIT("name"));
	mr_write_str(w, (struct mr_str){name, (size_t)n});
	MR_W_STR(w, "brand", str(p.brand));
	MR_W_NUM(w, "price", money(p.price_cents));
	MR_W_INT(w, "quantity", (int64_t)quantity);
	write_id(w, MR_LIT("url"), "https://shop.example/p/", number);
}

static void
write_products(struct mr_writer *w, const struct mr_cart *cart)
{
	mr_write_key(w, MR_LIT("products"));
	mr_write_array(w, cart->n);
	for (int i = 0; i < cart->n; i++) {
		mr_write_map(w, PRODUCT_FIELDS);
		write_product_fields(w, cart->product[i], cart->quantity[i]);
	}
}

static void
write_list(struct mr_writer *w, const struct mr_fact *f)
{
	mr_write_map(w, 3);
	write_id(w, MR_LIT("list_id"), "list-", f->number);
	MR_W_STR(w, "category", str(mr_categories[f->number]));
	mr_write_key(w, MR_LIT("products"));
	mr_write_array(w, 3);
	for (uint32_t i = 0; i < 3; i++) {
		mr_write_map(w, 3);
		write_id(w, MR_LIT("product_id"), "p-", f->number + i * mr_n_categories);
		MR_W_INT(w, "position", (int64_t)i + 1);
		MR_W_NUM(w, "price", money(mr_product_of(f->number + i * mr_n_categories).price_cents));
	}
}

static void
write_cart(struct mr_writer *w, const struct mr_fact *f, const char *currency)
{
	bool checkout = f->kind == MR_FACT_CHECKOUT || f->kind == MR_FACT_PAYMENT_FAILED;

	mr_write_map(w, 4 + checkout + (f->kind == MR_FACT_PAYMENT_FAILED));
	write_id(w, MR_LIT("cart_id"), "c-", f->cart.number);
	if (checkout)
		write_id(w, MR_LIT("checkout_id"), "k-", f->cart.number);
	if (f->kind == MR_FACT_PAYMENT_FAILED)
		MR_W_STR(w, "error", MR_LIT("card_declined"));
	MR_W_NUM(w, "value", money(cart_cents(&f->cart)));
	MR_W_STR(w, "currency", str(currency));
	write_products(w, &f->cart);
}

static void
write_order(struct mr_writer *w, const struct mr_fact *f, const char *currency)
{
	uint64_t goods = cart_cents(&f->cart), shipping = goods >= 5000 ? 0 : 395, tax = goods / 6;
	uint64_t discount = f->cart.number % 9 == 0 ? goods / 10 : 0;

	mr_write_map(w, 10 + (discount > 0));
	write_id(w, MR_LIT("order_id"), "o-", f->number);
	write_id(w, MR_LIT("cart_id"), "c-", f->cart.number);
	write_id(w, MR_LIT("checkout_id"), "k-", f->cart.number);
	MR_W_STR(w, "affiliation", MR_LIT("shop.example"));
	MR_W_NUM(w, "revenue", money(goods - discount));
	MR_W_NUM(w, "total", money(goods - discount + shipping));
	MR_W_NUM(w, "tax", money(tax));
	MR_W_NUM(w, "shipping", money(shipping));
	if (discount > 0)
		MR_W_NUM(w, "discount", money(discount));
	MR_W_STR(w, "currency", str(currency));
	write_products(w, &f->cart);
}

static void
write_view(struct mr_writer *w, const struct mr_fact *f)
{
	bool product = strcmp(f->page, "Product") == 0, category = strcmp(f->page, "Category") == 0;

	mr_write_map(w, 1 + (product || category));
	MR_W_STR(w, "title", str(f->page));
	if (product)
		write_id(w, MR_LIT("path"), "/p/", f->product);
	else if (category)
		write_id(w, MR_LIT("path"), "/c/", f->number);
}

static void
write_properties(struct mr_writer *w, const struct mr_fact *f, const char *currency)
{
	switch (f->kind) {
	case MR_FACT_VIEW:
		write_view(w, f);
		return;
	case MR_FACT_SEARCH:
		mr_write_map(w, 1);
		MR_W_STR(w, "query", str(mr_queries[f->number]));
		return;
	case MR_FACT_LIST:
		write_list(w, f);
		return;
	case MR_FACT_PRODUCT:
		mr_write_map(w, PRODUCT_FIELDS + 1);
		write_product_fields(w, f->product, 1);
		MR_W_STR(w, "currency", str(currency));
		return;
	case MR_FACT_ADDED:
	case MR_FACT_REMOVED:
		mr_write_map(w, PRODUCT_FIELDS + 2);
		write_id(w, MR_LIT("cart_id"), "c-", f->cart.number);
		write_product_fields(w, f->product, f->quantity);
		MR_W_STR(w, "currency", str(currency));
		return;
	case MR_FACT_CART:
	case MR_FACT_CHECKOUT:
	case MR_FACT_PAYMENT_FAILED:
		write_cart(w, f, currency);
		return;
	case MR_FACT_ORDER:
	case MR_FACT_REFUND:
		write_order(w, f, currency);
		return;
	case MR_FACT_STORE:
		mr_write_map(w, 2);
		MR_W_STR(w, "store_id", str(mr_places[f->number].id));
		MR_W_STR(w, "store_name", str(mr_places[f->number].name));
		return;
	case MR_FACT_IDENTIFY:
		break;
	}
	MR_ASSERT(!"an identify call has traits, not properties");
}

static void
write_traits(struct mr_writer *w, const struct mr_visit *v)
{
	static const char *const levels[] = {"none", "silver", "gold"};
	char id[MR_SHOP_ID_BYTES], email[48];
	int n;

	user_id(id, v->user);
	n = snprintf(email, sizeof(email), "%s@example.com", id);
	mr_write_map(w, 3);
	mr_write_key(w, MR_LIT("email"));
	mr_write_str(w, (struct mr_str){email, (size_t)n});
	MR_W_STR(w, "country", str(v->who.region->country));
	MR_W_STR(w, "loyalty", str(levels[v->who.loyalty]));
}

static void
write_campaign(struct mr_writer *w, const struct mr_campaign *c)
{
	mr_write_key(w, MR_LIT("campaign"));
	mr_write_map(w, 3);
	MR_W_STR(w, "name", str(c->name));
	MR_W_STR(w, "source", str(c->source));
	MR_W_STR(w, "medium", str(c->medium));
}

static void
write_device(struct mr_writer *w, const struct mr_visit *v)
{
	const struct mr_device *d = v->who.device;
	char id[MR_SHOP_ID_BYTES];

	mr_write_key(w, MR_LIT("device"));
	mr_write_map(w, 3);
	MR_W_STR(w, "id", hex_id(id, "d-", v->who.id));
	MR_W_STR(w, "type", str(d->type));
	MR_W_STR(w, "model", str(d->model));
	mr_write_key(w, MR_LIT("os"));
	mr_write_map(w, 1);
	MR_W_STR(w, "name", str(d->os));
	if (d->app) {
		mr_write_key(w, MR_LIT("app"));
		mr_write_map(w, 2);
		MR_W_STR(w, "name", MR_LIT("Shop"));
		MR_W_STR(w, "version", d->os[0] == 'i' ? MR_LIT("8.2") : MR_LIT("8.1"));
	}
}

static void
write_page(struct mr_writer *w, const struct mr_fact *f)
{
	char path[32] = "/";

	if (f->kind == MR_FACT_PRODUCT || f->kind == MR_FACT_ADDED)
		snprintf(path, sizeof(path), "/p/%" PRIu32, f->product);
	else if (f->kind == MR_FACT_LIST)
		snprintf(path, sizeof(path), "/c/%" PRIu32, f->number);
	else if (f->kind == MR_FACT_SEARCH)
		snprintf(path, sizeof(path), "/search");
	else if (f->kind >= MR_FACT_REMOVED && f->kind <= MR_FACT_ORDER)
		snprintf(path, sizeof(path), "/cart");
	mr_write_key(w, MR_LIT("page"));
	mr_write_map(w, 2);
	MR_W_STR(w, "path", str(path));
	MR_W_STR(w, "title", f->page ? str(f->page) : MR_LIT("Shop"));
}

static void
write_context(struct mr_writer *w, const struct mr_fact *f, const struct mr_visit *v)
{
	bool server = f->kind == MR_FACT_REFUND, app = v->who.device->app;

	mr_write_key(w, MR_LIT("context"));
	if (server) {
		mr_write_map(w, 1);
		MR_W_STR(w, "channel", MR_LIT("server"));
		return;
	}
	mr_write_map(w, 7 + (v->campaign >= 0) + 1);
	MR_W_STR(w, "channel", app ? MR_LIT("mobile") : MR_LIT("browser"));
	MR_W_STR(w, "timezone", str(v->who.region->timezone));
	MR_W_STR(w, "locale", str(v->who.region->locale));
	MR_W_STR(w, "userAgent", str(v->who.device->agent));
	if (v->campaign >= 0)
		write_campaign(w, &mr_campaigns[v->campaign]);
	write_device(w, v);
	if (!app)
		write_page(w, f);
	mr_write_key(w, MR_LIT("consent"));
	mr_write_map(w, 1);
	mr_write_key(w, MR_LIT("categoryPreferences"));
	mr_write_map(w, 1);
	MR_W_BOOL(w, "marketing", v->who.marketing);
}

static void
write_times(struct mr_writer *w, const struct mr_fact *f, const struct mr_visit *v, const struct mr_travel *t)
{
	// A browser's events get their time from the collector, an app's carry what it needs to correct it.
	if (!v->who.device->app || f->kind == MR_FACT_REFUND) {
		MR_W_TIME(w, "timestamp", f->at_ms);
		return;
	}
	MR_W_TIME(w, "originalTimestamp", f->at_ms + v->who.clock_skew_ms);
	MR_W_TIME(w, "sentAt", t->sent_ms + v->who.clock_skew_ms);
	MR_W_TIME(w, "receivedAt", t->received_ms);
}

static const char *const event_names[] = {
	[MR_FACT_SEARCH] = "Products Searched", [MR_FACT_LIST] = "Product List Viewed",
	[MR_FACT_PRODUCT] = "Product Viewed", [MR_FACT_ADDED] = "Product Added",
	[MR_FACT_REMOVED] = "Product Removed", [MR_FACT_CART] = "Cart Viewed",
	[MR_FACT_CHECKOUT] = "Checkout Started", [MR_FACT_PAYMENT_FAILED] = "Payment Failed",
	[MR_FACT_ORDER] = "Order Completed", [MR_FACT_REFUND] = "Order Refunded", [MR_FACT_STORE] = "Store Entered",
};

void
mr_fact_write(struct mr_writer *w, const struct mr_fact *f, const struct mr_visit *v, const struct mr_travel *t)
{
	bool app_times = v->who.device->app && f->kind != MR_FACT_REFUND;
	bool identify = f->kind == MR_FACT_IDENTIFY, view = f->kind == MR_FACT_VIEW;
	char id[MR_SHOP_ID_BYTES];

	mr_write_map(w, 5 + !identify + !v->anonymous + (app_times ? 3 : 1));
	if (identify)
		MR_W_STR(w, "type", MR_LIT("identify"));
	else if (view)
		MR_W_STR(w, "type", v->who.device->app ? MR_LIT("screen") : MR_LIT("page"));
	else
		MR_W_STR(w, "type", MR_LIT("track"));
	if (view)
		MR_W_STR(w, "name", str(f->page));
	else if (!identify)
		MR_W_STR(w, "event", str(event_names[f->kind]));
	MR_W_STR(w, "messageId", hex_id(id, "m-", t->message));
	if (!v->anonymous)
		MR_W_STR(w, "userId", user_id(id, v->user));
	MR_W_STR(w, "anonymousId", hex_id(id, "a-", v->who.id));
	write_times(w, f, v, t);
	write_context(w, f, v);
	if (identify) {
		mr_write_key(w, MR_LIT("traits"));
		write_traits(w, v);
	} else {
		mr_write_key(w, MR_LIT("properties"));
		write_properties(w, f, v->who.region->currency);
	}
}
