/* An optimizer from within: what checkpoints need of it. */
#ifndef HEED_OPTIM_INTERNAL_H
#define HEED_OPTIM_INTERNAL_H

#include <heed/error.h>
#include <heed/optim/optim.h>

enum { OPTIM_GROUPS = 16, OPTIM_GROUP_NAME = 32 };

typedef struct optim_group {
    char name[OPTIM_GROUP_NAME];
    heed_group_options options;
} optim_group;

struct heed_optim {
    heed_error error;
    bool inert;
    heed_model *model;
    const heed_optim_rule *rule;
    void *options;
    void *slot[HEED_OPTIM_SLOTS]; /* each laid out as the model's values */
    optim_group groups[OPTIM_GROUPS];
    int n_groups;
    double lr, weight_decay, clip_norm, clip_value, last_norm;
    int threads;
    heed_profile *profile;
    uint64_t steps;
};

#endif
