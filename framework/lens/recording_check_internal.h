/* What the JSON of a recording must look like. */
#ifndef HEED_RECORDING_CHECK_INTERNAL_H
#define HEED_RECORDING_CHECK_INTERNAL_H

#include <jansson.h>

#include <heed/error.h>

/* Where something stands, for messages: "run/index.jsonl: line 3: ". */
typedef struct place {
    const char *file;
    int64_t line; /* 0: no lines in it */
    heed_error *error;
} place;
/* Notes what is wrong there; false. */
bool place_refuse(const place *at, const char *format, ...) HEED_PRINTF(2, 3);
bool place_no_memory(const place *at);
/* The JSON object of a text, or NULL and the error. */
json_t *place_parse(const place *at, const char *text, size_t bytes);

typedef enum member_kind {
    MEMBER_TEXT,
    MEMBER_TEXT_OR_NULL,
    MEMBER_POSITIVE, /* a whole number, at least 1 */
    MEMBER_COUNT,    /* ... at least 0 */
    MEMBER_NUMBER_OR_NULL,
    MEMBER_LIST,
    MEMBER_LIST_OR_NULL,
    MEMBER_OBJECT,
    MEMBER_OBJECT_OR_NULL,
    MEMBER_KINDS,
} member_kind;
typedef struct member {
    const char *name;
    member_kind kind;
} member;
/* Whether object is one and has these members, each of its kind. `what` names it in messages: "attention 0". */
bool check_members(const place *at, const char *what, const json_t *object, int n, const member *members);
/* Sizes, at most HEED_MAX_RANK, whose product can be counted. */
bool check_shape(const place *at, const char *what, const json_t *list, heed_shape *out);

/* A frame's "said": texts by the probe's name. */
bool check_said(const place *at, const json_t *said);
bool check_header(const place *at, const json_t *header);
bool check_graph(const place *at, const json_t *graph);

#endif
