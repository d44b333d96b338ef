/* The pass with REAL = double; see heed/real_f32.h. No include guard, on purpose. */
#undef REAL
#undef TYPED
#undef REAL_DTYPE
#define REAL double
#define TYPED(name) name##_f64
#define REAL_DTYPE HEED_F64
