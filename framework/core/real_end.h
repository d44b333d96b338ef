/* Closes the passes opened by heed/real_f32.h and heed/real_f64.h. No include guard, on purpose. */
#undef REAL
#undef TYPED
#undef REAL_DTYPE
