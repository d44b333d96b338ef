/* Initialisers. Each value depends on the parameter's seed and its index alone. */
#include <math.h>
#include <stdlib.h>

#include <heed/model.h>
#include <heed/rng.h>

typedef struct fans {
    double in, out;
} fans;

/* PyTorch's: a weight (out, in, ...) has fan_in = in * rest, fan_out = out * rest; of a vector both are its length. */
static fans fans_of(heed_shape shape) {
    if (shape.rank < 2) {
        double n = shape.rank ? (double)shape.n[0] : 1;
        return (fans){n, n};
    }
    double rest = 1;
    for (int i = 2; i < shape.rank; i++)
        rest *= (double)shape.n[i];
    return (fans){(double)shape.n[1] * rest, (double)shape.n[0] * rest};
}

static void fill_uniform(uint64_t seed, double low, double high, double *values, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        values[i] = low + (high - low) * heed_rng_uniform(seed, (uint64_t)i);
}

static void fill_normal(uint64_t seed, double mean, double std, double *values, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        values[i] = mean + std * heed_rng_normal(seed, (uint64_t)i);
}

static void constant(const heed_init *self, heed_shape shape, uint64_t seed, double *values, int64_t count) {
    (void)shape;
    (void)seed;
    for (int64_t i = 0; i < count; i++)
        values[i] = self->a;
}

static void normal(const heed_init *self, heed_shape shape, uint64_t seed, double *values, int64_t count) {
    (void)shape;
    fill_normal(seed, self->a, self->b, values, count);
}

static void uniform(const heed_init *self, heed_shape shape, uint64_t seed, double *values, int64_t count) {
    (void)shape;
    fill_uniform(seed, self->a, self->b, values, count);
}

static void xavier_uniform(const heed_init *self, heed_shape shape, uint64_t seed, double *values, int64_t count) {
    fans f = fans_of(shape);
    double bound = self->a * sqrt(6 / (f.in + f.out));
    fill_uniform(seed, -bound, bound, values, count);
}

static void xavier_normal(const heed_init *self, heed_shape shape, uint64_t seed, double *values, int64_t count) {
    fans f = fans_of(shape);
    fill_normal(seed, 0, self->a * sqrt(2 / (f.in + f.out)), values, count);
}

static void kaiming_uniform(const heed_init *self, heed_shape shape, uint64_t seed, double *values, int64_t count) {
    double bound = self->a * sqrt(3 / fans_of(shape).in);
    fill_uniform(seed, -bound, bound, values, count);
}

static void kaiming_normal(const heed_init *self, heed_shape shape, uint64_t seed, double *values, int64_t count) {
    fill_normal(seed, 0, self->a / sqrt(fans_of(shape).in), values, count);
}

/* Takes from v its part along each of the `done` unit vectors before it, twice (once leaves rounding behind), and
 * scales it to length 1. Vectors are `length` numbers, `step` apart; vector j starts at j * stride. */
static void orthonormalise(double *values, int64_t j, int64_t stride, int64_t step, int64_t length) {
    double *v = values + j * stride;
    for (int again = 0; again < 2; again++)
        for (int64_t done = 0; done < j; done++) {
            const double *u = values + done * stride;
            double dot = 0;
            for (int64_t i = 0; i < length; i++)
                dot += u[i * step] * v[i * step];
            for (int64_t i = 0; i < length; i++)
                v[i * step] -= dot * u[i * step];
        }
    double square = 0;
    for (int64_t i = 0; i < length; i++)
        square += v[i * step] * v[i * step];
    double scale = square > 0 ? 1 / sqrt(square) : 0;
    for (int64_t i = 0; i < length; i++)
        v[i * step] *= scale;
}

static void orthogonal(const heed_init *self, heed_shape shape, uint64_t seed, double *values, int64_t count) {
    int64_t rows = shape.rank ? shape.n[0] : 1, columns = rows ? count / rows : 0;
    fill_normal(seed, 0, 1, values, count);
    bool wide = rows <= columns; /* rows become orthonormal, or else columns */
    for (int64_t j = 0; j < (wide ? rows : columns); j++)
        orthonormalise(values, j, wide ? columns : 1, wide ? 1 : columns, wide ? columns : rows);
    for (int64_t i = 0; i < count; i++)
        values[i] *= self->a;
}

static void custom(const heed_init *self, heed_shape shape, uint64_t seed, double *values, int64_t count) {
    self->custom(self->user, shape, seed, values, count);
}

heed_init heed_init_constant(double value) { return (heed_init){.fill = constant, .a = value}; }
heed_init heed_init_normal(double mean, double std) { return (heed_init){.fill = normal, .a = mean, .b = std}; }
heed_init heed_init_uniform(double low, double high) { return (heed_init){.fill = uniform, .a = low, .b = high}; }
heed_init heed_init_xavier_uniform(double gain) { return (heed_init){.fill = xavier_uniform, .a = gain}; }
heed_init heed_init_xavier_normal(double gain) { return (heed_init){.fill = xavier_normal, .a = gain}; }
heed_init heed_init_kaiming_uniform(double gain) { return (heed_init){.fill = kaiming_uniform, .a = gain}; }
heed_init heed_init_kaiming_normal(double gain) { return (heed_init){.fill = kaiming_normal, .a = gain}; }
heed_init heed_init_orthogonal(double gain) { return (heed_init){.fill = orthogonal, .a = gain}; }
heed_init heed_init_custom(heed_init_fn *fn, void *user) {
    return (heed_init){.fill = fn ? custom : NULL, .custom = fn, .user = user};
}
