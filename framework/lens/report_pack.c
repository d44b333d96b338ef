/* Deflating a page's numbers. */
#include <stdlib.h>
#include <zlib.h>

#include "report_internal.h"

static uint32_t number_at(const unsigned char *bytes, int size) {
    uint32_t number = 0;
    for (int i = 0; i < size; i++)
        number |= (uint32_t)bytes[i] << (8 * i);
    return number;
}

/* A frame's numbers, less those of the frame before, which may be NULL, in planes. */
static void put_planes(unsigned char *to, const unsigned char *now, const unsigned char *before, size_t count,
                       int size) {
    for (size_t i = 0; i < count; i++) {
        const size_t at = i * (size_t)size;
        const uint32_t number = number_at(now + at, size) - (before ? number_at(before + at, size) : 0);
        for (int plane = 0; plane < size; plane++)
            to[(size_t)plane * count + i] = (unsigned char)(number >> (8 * plane));
    }
}

/* The whole of raw at once. False: out of memory, or more than zlib takes. */
static bool deflate_all(page_array *array, unsigned char *raw, size_t bytes) {
    enum { NO_HEADER = -15, MEMORY = 8 };
    z_stream z = {.next_in = raw, .avail_in = (uInt)bytes};
    if (bytes > UINT32_MAX / 2 ||
        deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, NO_HEADER, MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    const size_t most = deflateBound(&z, (uLong)bytes);
    array->packed = malloc(most + 1);
    z.next_out = array->packed;
    z.avail_out = (uInt)most;
    const bool good = array->packed && deflate(&z, Z_FINISH) == Z_STREAM_END;
    array->packed_bytes = z.total_out;
    deflateEnd(&z);
    return good;
}

bool page_array_pack(page_array *array, int bits, int n, bool differences) {
    const size_t count = (size_t)array->count, frame = count * (size_t)bits / 8, bytes = frame * (size_t)n;
    unsigned char *raw = malloc(bytes + 1);
    for (int i = 0; i < n && raw; i++) {
        const unsigned char *now = array->bytes + (size_t)i * frame;
        put_planes(raw + (size_t)i * frame, now, i && differences ? now - frame : NULL, count, bits / 8);
    }
    const bool good = raw && deflate_all(array, raw, bytes);
    free(raw);
    free(array->bytes);
    array->bytes = NULL;
    return good;
}
