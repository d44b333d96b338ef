#include "gpt_kept.h"

#include <stdlib.h>

static void tell(heed_recorder *r, const gpt_kept *about, const char *const *tokens, const char *const *read) {
    heed_record_gpt(r, about->gpt, tokens);
    heed_recorder_probe(r, (heed_probe){.name = about->probe,
                                        .loss = about->loss,
                                        .user = about->loss_user,
                                        .n_queries = about->T,
                                        .n_keys = about->T,
                                        .queries = read,
                                        .keys = read});
}

heed_recorder *gpt_kept_begin(const recording *kept, heed_model *model, const gpt_kept *about) {
    heed_recorder *r = recording_begin(kept, model,
                                       (heed_recorder_options){.title = about->title,
                                                               .optimizer = "adamw",
                                                               .last = about->steps,
                                                               .most_frames = about->most_frames});
    if (r == NULL)
        return NULL;
    const char **tokens = recording_names((int)about->gpt->vocabulary, NULL, about->name, about->name_user);
    const char **read = recording_names(about->T, about->read, about->name, about->name_user);
    if (tokens && read)
        tell(r, about, tokens, read);
    free(tokens);
    free(read);
    return r;
}
