/* Compiles the kernels of an op that chooses elements, in its file OP_FILE, for every dtype: with REAL = float and
 * double as usual; and, since what is only chosen may be so many bits, with BITS_ONLY and REAL an unsigned integer, for
 * which TYPED(name) is name_4 (i32), name_2 (bf16) or name_1 (bool). */
#include <heed/real_f32.h>
#include OP_FILE
#include <heed/real_f64.h>
#include OP_FILE
#include <heed/real_end.h>

#define BITS_ONLY
#define REAL uint32_t
#define TYPED(name) name##_4
#include OP_FILE
#include <heed/real_end.h>

#define REAL uint16_t
#define TYPED(name) name##_2
#include OP_FILE
#include <heed/real_end.h>

#define REAL uint8_t
#define TYPED(name) name##_1
#include OP_FILE
#include <heed/real_end.h>
