/* How the model is built and trained: two recipes, of the same size within 5 %, on the same tokens. */
#ifndef TINY_RECIPE_H
#define TINY_RECIPE_H

#include <heed/heed.h>

typedef struct recipe {
    const char *name, *what;
    heed_gpt_options gpt; /* but for the vocabulary */
    int64_t batch, steps, warmup;
    double lr, lr_end, beta2, weight_decay, clip_norm;
} recipe;

typedef enum recipe_name { RECIPE_NANOGPT, RECIPE_BEST, RECIPES } recipe_name;
extern const recipe recipes[RECIPES];

#endif
