// The least that reading a JSON document by simdjson costs: its first stage, which finds where values
// begin and end, and no value at all.
#include "parse.h"

#include <simdjson.h>

static simdjson::ondemand::parser parser;

unsigned
bench_parse(const char *json, size_t n)
{
	simdjson::padded_string_view view(json, n, n + simdjson::SIMDJSON_PADDING);
	simdjson::ondemand::document document;

	return parser.iterate(view).get(document) ? 0 : 1;
}
