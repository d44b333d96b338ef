/* The ground every other header stands on: element types, shapes, status codes. */
#ifndef HEED_BASE_H
#define HEED_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define HEED_BEGIN_DECLS extern "C" {
#define HEED_END_DECLS }
#else
#define HEED_BEGIN_DECLS
#define HEED_END_DECLS
#endif

#define HEED_MUST_CHECK __attribute__((warn_unused_result))
#define HEED_PRINTF(text, first) __attribute__((format(printf, text, first)))

#define HEED_VERSION "0.1.0"

HEED_BEGIN_DECLS

/* What an element is. f32 trains, f64 checks gradients, i32 holds tokens, bool holds masks, bf16 is for storage:
 * ops compute on it only after heed_cast. */
typedef enum heed_dtype { HEED_F32, HEED_F64, HEED_I32, HEED_BOOL, HEED_BF16, HEED_DTYPES } heed_dtype;

/* Bytes of one element; 0 for what is no dtype. */
size_t heed_dtype_size(heed_dtype dtype);
/* "f32", "f64", "i32", "bool", "bf16". */
const char *heed_dtype_name(heed_dtype dtype);
static inline bool heed_dtype_real(heed_dtype dtype) { return dtype == HEED_F32 || dtype == HEED_F64; }

enum { HEED_MAX_RANK = 8 };

/* Sizes of the axes, outermost first. Rank 0 is a scalar, a size of 0 is fine. */
typedef struct heed_shape {
    int rank;
    int64_t n[HEED_MAX_RANK];
} heed_shape;

/* HEED_SHAPE(32, 10, 64) is the shape (32, 10, 64); HEED_SCALAR is (). */
#ifdef __cplusplus
#define HEED_SHAPE(...) (heed_make_shape({__VA_ARGS__}))
#define HEED_SCALAR (heed_shape())
#else
#define HEED_SHAPE(...) \
    ((heed_shape){(int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), {__VA_ARGS__}})
#define HEED_SCALAR ((heed_shape){0, {0}})
#endif

/* Number of elements, or -1 where it is negative or past int64, or the rank is none. */
int64_t heed_shape_count(heed_shape shape);
bool heed_shape_equal(heed_shape a, heed_shape b);
/* The axis as 0..rank-1 where -rank <= axis < rank, else -1. */
int heed_shape_axis(heed_shape shape, int axis);
/* NumPy's broadcasting: false where the shapes do not fit. (2,6) with (4) does not. */
bool heed_shape_broadcast(heed_shape a, heed_shape b, heed_shape *out);

/* "(32, 10, 64)", written into the caller's buffer; HEED_SHAPE_STR brings its own, alive to the end of the block. */
enum { HEED_SHAPE_TEXT = 192 };
const char *heed_shape_text(heed_shape shape, char *buffer);
#define HEED_SHAPE_STR(shape) heed_shape_text((shape), (char[HEED_SHAPE_TEXT]){0})

/* Why a call failed. 0 is success, so `if (heed_backward(...))` reads "if it failed". */
typedef enum heed_status {
    HEED_OK = 0,
    HEED_INVALID,    /* an argument: a shape, an option, a stale or foreign tensor */
    HEED_STATE,      /* a call that does not belong here: building twice, a second backward */
    HEED_NOT_FINITE, /* NaN or inf where the run cannot go on */
    HEED_NO_MEMORY,
    HEED_IO,         /* a file could not be read, written, or is not what it claims to be */
} heed_status;

HEED_END_DECLS

#ifdef __cplusplus
#include <initializer_list>
static inline heed_shape heed_make_shape(std::initializer_list<int64_t> sizes) {
    heed_shape shape = heed_shape();
    for (int64_t size : sizes) {
        if (shape.rank < HEED_MAX_RANK) shape.n[shape.rank] = size;
        shape.rank++; /* past the maximum: a shape that every use refuses */
    }
    return shape;
}
#endif

#endif
