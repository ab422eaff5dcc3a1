// Between the steps of compiling an expression: text -> tokens -> tree -> checked tree -> program.
// Internal to stream/expr. Everything here lives in the compiler's arena.
#ifndef MR_EXPR_AST_H
#define MR_EXPR_AST_H

#include "core/arena.h"
#include "expr/expr.h"
#include "expr/program.h"

#define TEXT_MAX 4096
#define NODES_MAX 512   // and so the bound of every walk over the tree
#define NESTING_MAX 32  // of brackets

enum token_kind {
	T_END, T_NAME, T_NUMBER, T_TEXT,
	T_TRUE, T_FALSE, T_NULL,
	T_OPEN, T_CLOSE, T_LIST, T_LIST_END, T_MAP, T_MAP_END,
	T_DOT, T_COMMA, T_COLON, T_ASK,
	T_OR, T_AND, T_EQ, T_NE, T_LT, T_LE, T_GT, T_GE, T_IN,
	T_ADD, T_SUB, T_MUL, T_DIV, T_MOD, T_NOT,
};

struct token {
	enum token_kind kind;
	uint32_t byte, len;     // in the text
	struct mr_value value;  // of numbers and texts
};

enum node_kind {
	N_CONST,    // value
	N_NAME,     // text; the checker makes it a reference or a local
	N_REF,      // ref
	N_LOCAL,    // macro
	N_NOW,
	N_MEMBER,   // a.text
	N_INDEX,    // a[b]
	N_NOT, N_NEG,                 // a
	N_OR, N_AND, N_BINARY,        // a op b
	N_TERNARY,                    // a ? b : c
	N_LIST, N_MAP,                // args; of a map key, value, key, value
	N_CALL,                       // args; a method's target is the first
	N_MACRO,                      // a.op(text, b)
	N_HAS,                        // has(a)
};

struct node {
	uint8_t kind;
	uint8_t op;              // enum mr_op of a N_BINARY, enum function of a N_CALL, enum macro of a N_MACRO
	uint8_t type;            // enum mr_type, by the checker
	bool constant;           // by the checker: the same in every evaluation
	bool method;
	uint32_t byte;           // where to point at
	uint32_t n_args;
	uint16_t slot;           // of a macro: where its item lives on the stack
	struct mr_str text;
	struct mr_value value;
	struct mr_ref ref;
	struct node *a, *b, *c;
	struct node *args, *next;
	struct node *macro;      // of a local: the one that binds it
};

struct compiler {
	struct mr_str text;
	struct mr_arena *arena;
	const struct mr_resolver *resolver;
	struct mr_expr_error *error;
	bool failed;
	size_t at;               // of the lexer
	struct token token;      // the parser's lookahead
	uint32_t nodes, nesting;
};

// Notes the first error; false.
bool expr_fail(struct compiler *, size_t byte, const char *fmt, ...) MR_PRINTF(3, 4);

// Sets ->token to the next one; false after an error.
bool expr_next(struct compiler *);
// Whole text as UTF-8; false with the offending byte.
bool expr_utf8_valid(struct mr_str, size_t *byte);
// Decodes a literal (with its quotes and prefix) that starts at ->at; moves ->at behind it.
bool expr_lex_text(struct compiler *, struct token *);

struct node *expr_parse(struct compiler *);                             // NULL after an error
bool expr_check(struct compiler *, struct node *, enum mr_type want);
struct mr_expr *expr_emit(struct compiler *, struct node *, enum mr_type want);

// How a type is named in messages.
const char *expr_type_name(enum mr_type);

struct expr_fn {
	const char *name;
	uint8_t id;              // enum function
	uint8_t result;
	bool global, method;     // how it may be called
	uint8_t args;            // a method's target included
	const char *usage;
};
const struct expr_fn *expr_function(struct mr_str name);
const char *expr_function_near(struct mr_str name);  // NULL: nothing alike

#endif
